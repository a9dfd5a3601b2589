"""What a process of clients is told, and what it tells."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from support.load.material import Kind


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Requests: when each is due, in seconds from the start, and of which kind it is.

    Each is sent when it is due, whatever became of those before. With `most`, only so many wait
    for the head of their answer at a time, and those that are not sent after `seconds` never are.
    """

    host: str
    port: int
    texts: Sequence[str]
    due: Sequence[float]
    kinds: Sequence[Kind]
    first: int = 0
    most: int | None = None
    seconds: float = float("inf")
    patience: float = 60.0


class Outcome(NamedTuple):
    """What became of one request.

    `due` and `ended` count from the start, `seconds` from when it was due to the head of its
    answer. Status 0 is no answer. `reason` is the router's word, "" without one. `is_whole` says
    that the client got all that it waited for.
    """

    kind: Kind
    due: float
    seconds: float
    ended: float
    status: int
    reason: str
    is_whole: bool

    @property
    def is_well(self) -> bool:
        """Say whether nothing went wrong, as far as the client can tell."""
        expected = {Kind.TRICKLE: 408, Kind.ABANDON: 0}.get(self.kind, 200)
        return self.is_whole and self.status == expected
