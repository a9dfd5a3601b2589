"""How much a model reasons, and how each model family is told so.

The families are data, in `config/dialects.yaml` and in the users' own configuration; this
module says what a row of that table means.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias


class Reasoning(StrEnum):
    """What a request asks of the model's reasoning."""

    OFF = "off"
    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"
    ON = "on"
    UNCHANGED = "unchanged"

    @property
    def thinks(self) -> bool:
        """Whether this level makes a model think before it answers."""
        return self not in (Reasoning.OFF, Reasoning.UNCHANGED)


Path: TypeAlias = tuple[str, ...]
"""Where a member sits in a body: `("model",)`, or `("chat_template_kwargs", "thinking")`. There
is nothing deeper."""

EFFORTS: Final = (
    Reasoning.MINIMAL,
    Reasoning.LOW,
    Reasoning.MEDIUM,
    Reasoning.HIGH,
    Reasoning.XHIGH,
    Reasoning.MAX,
)
"""The levels between off and the most there is, weakest first."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """How one level is said: by members of the body, by words in the prompt, or both.

    `system_prompt` goes to the head of the system prompt, `user_turn` to the end of the last
    user turn.
    """

    members: Mapping[Path, object] = field(default_factory=lambda: MappingProxyType({}))
    system_prompt: str = ""
    user_turn: str = ""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The spellings of one model family on one backend.

    A level without an entry in `spellings` cannot be expressed. `removes` are members that
    would contradict a level. `budget` is the member that takes a number of thinking tokens, of
    which the backend wants at least `least_budget`.
    """

    name: str
    spellings: Mapping[Reasoning, Spelling]
    removes: frozenset[Path] = frozenset()
    budget: Path | None = None
    least_budget: int = 1

    def nearest(self, wanted: Reasoning) -> Reasoning:
        """Return the closest level this family can express, or `UNCHANGED` if there is none.

        A family that cannot be off takes its weakest effort; one with a plain switch takes
        `ON` for any effort. Of two efforts as close, the weaker one is taken for an effort,
        and the stronger one, as families do by default, for `ON`.
        """
        if wanted in self.spellings or wanted is Reasoning.UNCHANGED:
            return wanted
        efforts = [effort for effort in EFFORTS if effort in self.spellings]
        if wanted is Reasoning.OFF:
            return efforts[0] if efforts else Reasoning.UNCHANGED
        if wanted is Reasoning.ON and efforts:
            return _closest(Reasoning.MEDIUM, reversed(efforts))
        if efforts:
            return _closest(wanted, efforts)
        return Reasoning.ON if Reasoning.ON in self.spellings else Reasoning.UNCHANGED

    def spell(self, level: Reasoning) -> Spelling:
        """Return how to say `level`, one that `nearest` returned."""
        return self.spellings.get(level, SILENT)


def _closest(wanted: Reasoning, efforts: Iterable[Reasoning]) -> Reasoning:
    """Return the first of the efforts that are closest to `wanted`."""
    rank = EFFORTS.index(wanted)
    return min(efforts, key=lambda effort: abs(EFFORTS.index(effort) - rank))


SILENT: Final = Spelling()
"""Says nothing."""
