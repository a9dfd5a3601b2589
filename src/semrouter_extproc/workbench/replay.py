"""Recorded requests, decided again: what another configuration would change."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.policy import Decision, Reason
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.errors import ConfigError, EncodingFailed
from semrouter_extproc.router import SemanticRouter
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.recorded import Recorded

UNSETTLED: Final = frozenset(
    {Reason.DEADLINE, Reason.OVERLOADED, Reason.ENCODER_ERROR, Reason.INTERNAL_ERROR}
)
"""Decisions that say more about the moment than about the configuration."""

_REFUSALS: Final = frozenset({Reason.UNPARSABLE, Reason.UNKNOWN_MODEL})

_EXAMPLES: Final = 3


class Way(msgspec.Struct, frozen=True, order=True):
    """How a request goes. `model` is "" for Envoy's default route; `refused` for a 400."""

    model: str
    reasoning: str
    refused: bool = False

    def __str__(self) -> str:
        """Write it in a few words."""
        return "refused" if self.refused else f"{self.model or 'as it is'}, {self.reasoning}"


class Change(msgspec.Struct, frozen=True):
    """Requests of a category that go another way now, with the ids of the first of them."""

    category: str
    before: Way
    after: Way
    requests: int
    examples: Sequence[str]


class CategoryShare(msgspec.Struct, frozen=True):
    """How many requests there are of a category, and how many of them changed."""

    category: str
    requests: int
    changed: int


@dataclass(frozen=True, slots=True)
class Pair:
    """One request, before and after. The category is that of before, "" where there is none."""

    id: str
    before: Decision
    after: Decision

    @property
    def category(self) -> str:
        """The category that was found before."""
        return self.before.category or ""

    @property
    def is_changed(self) -> bool:
        """Whether the request goes another way."""
        return way_of(self.before) != way_of(self.after)


def way_of(decision: Decision) -> Way:
    """Return what of a decision the model's server sees."""
    refused = decision.reason in _REFUSALS
    return Way(decision.model or "", decision.reasoning.value, refused)


class Vectors:
    """Gives the vector of a text, encoded once and by itself.

    Beside others in a batch its last digits would depend on them, and a prompt on the border
    between two ways could go another one without any change.
    """

    def __init__(self, encoder: AnyEncoder) -> None:
        self.encoder = encoder
        self._pool = ThreadPoolExecutor(encoder.workers)
        self._known: dict[str, asyncio.Future[NDArray[np.float32]]] = {}

    async def submit(self, text: str) -> NDArray[np.float32]:
        """Return the unit vector of `text`; raises `EncodingFailed`."""
        if text not in self._known:
            loop = asyncio.get_running_loop()
            self._known[text] = loop.run_in_executor(self._pool, self._encode, text)
        return await asyncio.shield(self._known[text])

    def _encode(self, text: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self.encoder.encode(self.encoder.tokenize([text]))[0]
        return vector


@dataclass(frozen=True, slots=True)
class Comparable:
    """The recorded requests that can be compared, and how many cannot, by the reason why."""

    requests: Sequence[Recorded]
    skipped: Mapping[str, int]


def comparable(recorded: Sequence[Recorded], *, needs_decision: bool) -> Comparable:
    """Choose the requests to compare. Raises ConfigError if there are none."""
    faults = [_fault(row, needs_decision=needs_decision) for row in recorded]
    requests = [row for row, fault in zip(recorded, faults, strict=True) if not fault]
    skipped = Counter(filter(None, faults))
    if not requests:
        told = ", ".join(f"{count:,} {why}" for why, count in skipped.items())
        raise ConfigError("recorded requests", [f"none can be compared: {told}"])
    return Comparable(requests, dict(skipped))


def _fault(row: Recorded, *, needs_decision: bool) -> str:
    if row.redacted:
        return "redacted, so that nothing can be classified (record with redact: none)"
    if needs_decision and row.decision is None:
        return "without a recorded decision (name a configuration with --against)"
    if needs_decision and row.decision and row.decision.reason in UNSETTLED:
        return "decided under overload or by a fault when recorded"
    return ""


async def decide(
    router: SemanticRouter, requests: Sequence[Recorded], width: int, progress: Progress
) -> Sequence[Decision]:
    """Decide every request as the router would, `width` at a time.

    Raises `EncodingFailed` where one was decided without its vector.
    """
    decisions: list[Decision] = []
    for start in range(0, len(requests), width):
        asked = requests[start : start + width]
        routings = await asyncio.gather(
            *(router.route(row.body, row.api, header=row.wish) for row in asked)
        )
        decisions += [routing.decision for routing in routings]
        progress.detail(f"{len(decisions):,} of {len(requests):,} requests")
    unsettled = Counter(each.reason for each in decisions if each.reason in UNSETTLED)
    if unsettled:
        told = ", ".join(f"{count:,} {reason}" for reason, count in unsettled.items())
        raise EncodingFailed(f"of {len(requests):,} requests some could not be decided: {told}")
    return decisions


def shares(pairs: Iterable[Pair]) -> Sequence[CategoryShare]:
    """Count by category, the most changed first."""
    changes: defaultdict[str, list[bool]] = defaultdict(list)
    for pair in pairs:
        changes[pair.category].append(pair.is_changed)
    found = [CategoryShare(name, len(each), sum(each)) for name, each in changes.items()]
    return sorted(found, key=lambda share: (-share.changed, -share.requests, share.category))


def changes(pairs: Iterable[Pair]) -> Sequence[Change]:
    """Gather the requests that changed by category and way, the most frequent first."""
    found: defaultdict[tuple[str, Way, Way], list[str]] = defaultdict(list)
    for pair in pairs:
        if pair.is_changed:
            found[pair.category, way_of(pair.before), way_of(pair.after)].append(pair.id)
    gathered = [Change(*key, len(ids), ids[:_EXAMPLES]) for key, ids in found.items()]
    return sorted(
        gathered, key=lambda each: (-each.requests, each.category, each.before, each.after)
    )
