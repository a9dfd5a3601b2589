"""The APIs whose requests are routed, and what differs between them.

vLLM serves all four itself, so a request is rewritten in its own shape and never translated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from semrouter_extproc.core.reasoning import Dialect, Path, Spelling

EFFORT: Final[Path] = ("reasoning_effort",)
"""The effort where a chat completion has it; dialects name it so for every API."""

_BUDGETS: Final = (("thinking_token_budget",), ("thinking_budget_tokens",))
"""vLLM's and llama.cpp's own bounds on thinking, which only chat completions take."""

_CHAT_SAMPLING: Final = frozenset(
    {
        *("temperature", "top_p", "top_k", "min_p"),
        *("presence_penalty", "frequency_penalty", "repetition_penalty"),
    }
)


_Said: TypeAlias = tuple[Path, object]


class Shape(StrEnum):
    """How a body holds its conversation."""

    MESSAGES = "messages"
    PROMPT = "prompt"
    INPUT = "input"
    BLOCKS = "blocks"


@dataclass(frozen=True, slots=True, eq=False)
class Api:
    """One of OpenAI's or Anthropic's ways to ask for a generation.

    `limits` are the members that bound the answer's tokens; the first that is set counts.
    `sampling` are the members of a sampling override that it has. `renamed` tells where a
    member of chat completions sits here, None for nowhere; `efforts` the values of the effort
    that are said in another way, None for in none. `templated` says that the prompt is made by
    the model's chat template: without one, nothing can switch reasoning.
    """

    path: str
    shape: Shape
    limits: tuple[str, ...]
    sampling: frozenset[str] = _CHAT_SAMPLING
    renamed: Mapping[Path, Path | None] = field(default_factory=lambda: MappingProxyType({}))
    efforts: Mapping[object, _Said | None] = field(default_factory=lambda: MappingProxyType({}))
    templated: bool = True

    def place(self, path: Path) -> Path | None:
        """Return where the member `path` of a chat completion sits here, None for nowhere."""
        return self.renamed.get(path, path) if self.templated else None

    def dialect(self, dialect: Dialect) -> Dialect:
        """Return what of `dialect` can be said here, in this API's own members."""
        spellings = {level: self._spelling(said) for level, said in dialect.spellings.items()}
        return Dialect(
            dialect.name,
            {level: said for level, said in spellings.items() if said is not None},
            frozenset(path for path in map(self.place, dialect.removes) if path),
            self.place(dialect.budget) if dialect.budget else None,
            dialect.least_budget,
        )

    def error(self, message: str, code: str) -> dict[str, Any]:
        """Return the document that tells a client of this API what was wrong."""
        if self.shape is Shape.BLOCKS:
            told = {"type": "invalid_request_error", "message": message}
            return {"type": "error", "error": told}
        return openai_error(message, code)

    def _spelling(self, spelling: Spelling) -> Spelling | None:
        said = [self._said(path, value) for path, value in spelling.members.items()]
        if not self.templated or None in said:
            return None
        return Spelling(dict(filter(None, said)), spelling.system_prompt, spelling.user_turn)

    def _said(self, path: Path, value: object) -> _Said | None:
        if path == EFFORT and value in self.efforts:
            return self.efforts[value]
        place = self.place(path)
        return None if place is None else (place, value)


def openai_error(message: str, code: str) -> dict[str, Any]:
    """Return an error document in OpenAI's shape."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return {"error": error}


CHAT_COMPLETIONS: Final = Api(
    path="/v1/chat/completions",
    shape=Shape.MESSAGES,
    limits=("max_completion_tokens", "max_tokens"),
)
COMPLETIONS: Final = Api(
    path="/v1/completions", shape=Shape.PROMPT, limits=("max_tokens",), templated=False
)
RESPONSES: Final = Api(
    path="/v1/responses",
    shape=Shape.INPUT,
    limits=("max_output_tokens",),
    renamed={EFFORT: ("reasoning", "effort"), **dict.fromkeys(_BUDGETS)},
)
MESSAGES: Final = Api(
    path="/v1/messages",
    shape=Shape.BLOCKS,
    limits=("max_tokens",),
    sampling=frozenset({"temperature", "top_p", "top_k"}),
    renamed={EFFORT: ("output_config", "effort"), **dict.fromkeys(_BUDGETS)},
    efforts={"none": (("thinking", "type"), "disabled"), "minimal": None},
)

APIS: Final[Mapping[str, Api]] = {
    api.path: api for api in (CHAT_COMPLETIONS, COMPLETIONS, RESPONSES, MESSAGES)
}
"""Every API whose requests are routed, by its path."""
