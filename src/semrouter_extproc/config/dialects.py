"""The table of dialects: `dialects.yaml`, and what users add to it in the same form."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from importlib.resources import files
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import AfterValidator, Field, model_validator

from semrouter_extproc.config.sections import Section
from semrouter_extproc.core.apis import APIS
from semrouter_extproc.core.reasoning import Dialect, Path, Reasoning, Spelling

Evidence = Literal["run", "read", "documented"]
"""How a spelling is known: seen at work, read in the backend's source, or only documented."""

Differs = Literal["start", "history", "end"]
"""Where the prompts of on and off first differ; what stands before stays in prefix caches."""

_DEEPEST: Final = 2
_FEWEST_LEVELS: Final = 2
_WORDS: Final = ("system_prompt", "user_turn")
_NO_SWITCHES: Final = frozenset(
    {
        *("model", "messages", "input", "prompt", "system", "instructions", "tools", "stream"),
        *(name for api in APIS.values() for name in api.limits),
    }
)
_LEVELS: Final = tuple(level for level in Reasoning if level is not Reasoning.UNCHANGED)


class Backend(StrEnum):
    """The servers whose ways are known."""

    VLLM = "vllm"
    SGLANG = "sglang"
    LLAMA_CPP = "llama.cpp"
    OLLAMA = "ollama"
    OPENAI = "openai"
    OPENROUTER = "openrouter"
    DEEPSEEK = "deepseek"
    ANTHROPIC = "anthropic"


def _switch(member: str) -> str:
    steps = member.split(".")
    if len(steps) > _DEEPEST or not all(steps):
        raise ValueError("write a member as `name` or `object.name`")
    if steps[0] in _NO_SWITCHES:
        raise ValueError(f"`{steps[0]}` is no switch")
    return member


def _sayable(said: dict[str, Any]) -> dict[str, Any]:
    for name, value in said.items():
        if name in _WORDS and not (isinstance(value, str) and value.strip()):
            raise ValueError(f"{name} takes a text")
        if isinstance(value, dict):
            raise ValueError(f"write the members of {name} one by one, as `{name}.NAME`")  # noqa: TRY004 - pydantic's way
        if name.partition(".")[0] != name and name.partition(".")[0] in said:
            raise ValueError(f"{name} is also a part of {name.partition('.')[0]}")
    return said


_Member = Annotated[str, AfterValidator(_switch)]
# Members of a chat completion with their values; two keys stand for words in the prompt.
_Said = Annotated[dict[_Member, Any], Field(min_length=1), AfterValidator(_sayable)]


class Row(Section):
    """How a family is told on some backends, each with the evidence for it."""

    backends: dict[Backend, Evidence] = Field(min_length=1)
    off: _Said | None = None
    minimal: _Said | None = None
    low: _Said | None = None
    medium: _Said | None = None
    high: _Said | None = None
    xhigh: _Said | None = None
    max: _Said | None = None
    on: _Said | None = None
    removes: tuple[_Member, ...] = ()
    budget: _Member | None = None
    least_budget: int = Field(default=1, ge=1)
    source: str = ""

    @model_validator(mode="before")
    @classmethod
    def _read_switches(cls, row: object) -> object:
        # YAML 1.1 reads the bare keys on and off as booleans.
        if not isinstance(row, dict):
            return row
        return {_SWITCHES.get(key, key) if key in (True, False) else key: row[key] for key in row}

    @model_validator(mode="after")
    def _has_something_to_choose(self) -> Self:
        if len(self.levels) < _FEWEST_LEVELS:
            raise ValueError("spell at least two levels, such as on and off")
        return self

    @property
    def levels(self) -> Mapping[Reasoning, Mapping[str, Any]]:
        """Every level that can be said, with what says it."""
        said = {level: getattr(self, level.value) for level in _LEVELS}
        return {level: members for level, members in said.items() if members is not None}

    def dialect(self, family: str, backend: Backend) -> Dialect:
        """Compile the row for the models of `family` on `backend`."""
        budget = self.budget or _BUDGETS.get(backend)
        return Dialect(
            family,
            {level: _spelling(said) for level, said in self.levels.items()},
            frozenset(map(_path, self.removes)),
            _path(budget) if budget else None,
            self.least_budget,
        )


_SWITCHES: Final = {True: "on", False: "off"}

# The server counts the tokens of thinking itself, whatever the family. vLLM refuses the member
# where it was started without --reasoning-parser.
_BUDGETS: Final = {
    Backend.VLLM: "thinking_token_budget",
    Backend.LLAMA_CPP: "thinking_budget_tokens",
}


class Family(Section):
    """A family of models: what they are, and how each backend takes their switch."""

    models: str = ""
    differs: Differs | None = None
    spellings: tuple[Row, ...] = ()

    def row(self, backend: Backend) -> Row | None:
        """Return the row for `backend`, None where nothing is known."""
        return next((row for row in self.spellings if backend in row.backends), None)


Families = Mapping[str, Family]


def built_in_families() -> Families:
    """Return the table that comes with the package."""
    text = files(__package__).joinpath("dialects.yaml").read_text(encoding="utf-8")
    document = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    return {name: Family.model_validate(family) for name, family in document.items()}


def merged(own: Families, known: Families) -> Families:
    """Return both tables as one; what `own` says of a family and backend comes first."""
    together = dict(known)
    for name, family in own.items():
        before = known.get(name, Family())
        together[name] = Family(
            models=family.models or before.models,
            differs=family.differs or before.differs,
            spellings=(*family.spellings, *before.spellings),
        )
    return together


def dialects_of(families: Families) -> Iterable[Dialect]:
    """Compile every row of a table."""
    for name, family in families.items():
        yield from (row.dialect(name, each) for row in family.spellings for each in row.backends)


# In C where PyYAML was built so: the table is read at every start.
_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _path(member: str) -> Path:
    return tuple(member.split("."))


def _spelling(said: Mapping[str, Any]) -> Spelling:
    members = {_path(name): value for name, value in said.items() if name not in _WORDS}
    return Spelling(members, **{name: said[name] for name in _WORDS if name in said})
