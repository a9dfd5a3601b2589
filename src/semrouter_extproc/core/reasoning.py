"""How each model family is told to reason, and how a client says so itself.

The table below is data: a family maps each level it can express to the members that a
chat completion must carry. Adding a family adds rows, never code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias


class Reasoning(StrEnum):
    """What a request asks of the model's reasoning."""

    OFF = "off"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    ON = "on"
    UNCHANGED = "unchanged"


MemberPath: TypeAlias = tuple[str, ...]
"""Where a member sits in the body: `("model",)`, or `("chat_template_kwargs", "thinking")`, the
only place deeper down."""

Edits: TypeAlias = Mapping[MemberPath, object]
"""Members to write into a body, each with its new JSON value."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The spellings of one model family.

    `spellings` maps a level to the members that select it. A level without an entry cannot
    be expressed by the family.
    """

    name: str
    spellings: Mapping[Reasoning, Edits]

    def nearest(self, wanted: Reasoning) -> Reasoning:
        """Return the closest level this family can express, or `UNCHANGED` if there is none."""
        for level in _CLOSEST[wanted]:
            if level in self.spellings:
                return level
        return Reasoning.UNCHANGED

    def spell(self, level: Reasoning) -> Edits:
        """Return the members that select `level`, one that `nearest` returned."""
        return self.spellings.get(level, _NOTHING)


_NOTHING: Final[Edits] = MappingProxyType({})

# A family with efforts but no switch (gpt-oss) cannot turn reasoning off: least is closest.
# A family with a switch but no efforts reasons or does not.
_CLOSEST: Final[Mapping[Reasoning, tuple[Reasoning, ...]]] = {
    Reasoning.OFF: (Reasoning.OFF, Reasoning.LOW),
    Reasoning.LOW: (Reasoning.LOW, Reasoning.ON),
    Reasoning.MEDIUM: (Reasoning.MEDIUM, Reasoning.ON),
    Reasoning.HIGH: (Reasoning.HIGH, Reasoning.ON),
    Reasoning.ON: (Reasoning.ON, Reasoning.MEDIUM),
    Reasoning.UNCHANGED: (),
}


def _template_switch(keyword: str) -> Mapping[Reasoning, Edits]:
    """Spell on and off as a boolean keyword of the chat template."""
    path = ("chat_template_kwargs", keyword)
    return {Reasoning.ON: {path: True}, Reasoning.OFF: {path: False}}


def _top_level_effort() -> Mapping[Reasoning, Edits]:
    """Spell efforts in the one place where vLLM's Harmony renderer reads them."""
    levels = (Reasoning.LOW, Reasoning.MEDIUM, Reasoning.HIGH)
    return {level: {("reasoning_effort",): level.value} for level in levels}


DIALECTS: Final[Mapping[str, Dialect]] = {
    dialect.name: dialect
    for dialect in (
        Dialect("qwen3", _template_switch("enable_thinking")),
        Dialect("deepseek", _template_switch("thinking")),
        Dialect("granite", _template_switch("thinking")),
        Dialect("gpt-oss", _top_level_effort()),
        Dialect("none", {}),
    )
}
"""Every known family. `none` is a model without a switch: its requests get a model only."""

INTENT_MEMBERS: Final = frozenset(
    {"reasoning_effort", "reasoning", "thinking", "enable_thinking", "thinking_token_budget"}
)
"""Top-level members by which a client decides about reasoning itself."""

INTENT_TEMPLATE_KWARGS: Final = frozenset(
    {"enable_thinking", "thinking", "reasoning_effort", "thinking_budget"}
)
"""Members of `chat_template_kwargs` by which a client decides about reasoning itself."""

INTENT_WORDS: Final = frozenset({"/think", "/no_think"})
"""Words in the last user turn that Qwen3's template obeys."""
