"""The figures of `soak.py`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from load.busyness import Busyness

from support.load.material import Kind
from support.load.plan import Outcome
from support.load.site import Look

_RANKS: Final = (50, 95, 99)
_STANDARD_ERRORS: Final = 2.0
WARM_UP: Final = 0.25
"""The share of the time in which caches fill, which no slope is drawn through."""

EDGE: Final = 1 / 6
"""The share of the time that stands for its beginning, and for its end."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds to the head of the answer, of so many requests."""

    count: int
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One look, and what ended since the look before."""

    minute: float
    look: Look
    stolen: float
    others: float
    failures: int
    reasons: Mapping[str, int]
    latency: Mapping[str, Latency]

    @classmethod
    def of(cls, minute: float, look: Look, outcomes: Sequence[Outcome], busy: Busyness) -> "Sample":
        """Sum up an interval."""
        return cls(
            minute=round(minute, 2),
            look=look,
            stolen=busy.stolen,
            others=busy.others,
            failures=sum(not each.is_well for each in outcomes),
            reasons=Counter(each.reason for each in outcomes),
            latency=latencies(outcomes),
        )

    @property
    def summary(self) -> str:
        """Say how it goes."""
        return (
            f"{self.look.router.megabytes:.0f} MB, {self.look.streams} streams, "
            f"{sum(self.reasons.values())} answers, {self.failures} failed"
        )


def latencies(outcomes: Sequence[Outcome]) -> Mapping[str, Latency]:
    """Return the latency of each kind that was answered."""
    return {
        kind.value: _latency([each.seconds for each in outcomes if each.kind is kind])
        for kind in Kind
        if any(each.kind is kind for each in outcomes)
    }


def _latency(seconds: Sequence[float]) -> Latency:
    p50, p95, p99 = (float(each) * 1e3 for each in np.percentile(seconds, _RANKS))
    return Latency(len(seconds), round(p50, 1), round(p95, 1), round(p99, 1))


@dataclass(frozen=True, slots=True)
class Slope:
    """MB an hour by least squares, with two standard errors as if looks were independent."""

    per_hour: float
    low: float
    high: float

    @classmethod
    def through(cls, minutes: Sequence[float], megabytes: Sequence[float]) -> "Slope":
        """Draw it."""
        (slope, _), covariance = np.polyfit(np.array(minutes) / 60, megabytes, 1, cov=True)
        margin = _STANDARD_ERRORS * covariance[0, 0] ** 0.5
        found = (slope, slope - margin, slope + margin)
        return cls(*(round(float(each), 2) for each in found))

    def __str__(self) -> str:
        """Write it as in a table."""
        return f"{self.per_hour:+.1f} MB/h ({self.low:+.1f} to {self.high:+.1f})"


@dataclass(frozen=True, slots=True)
class Ended:
    """What is known once the last answer came.

    `asked` is how often the model was asked. `failures` count by kind and status. `first` and
    `last` are latencies at the beginning and at the end.
    """

    requests: int
    asked: int
    failures: Mapping[str, int]
    reasons: Mapping[str, int]
    first: Mapping[str, Latency]
    last: Mapping[str, Latency]
    router: Slope
    envoy: Slope
    rest: Look


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure; `ended` is None while it goes on."""

    machine: str
    minutes: float
    saturation: float
    rate: float
    rest: Look
    samples: Sequence[Sample] = ()
    ended: Ended | None = None

    def over(self, outcomes: Sequence[Outcome], *, asked: int, rest: Look) -> "Results":
        """Add what is known at the end."""
        edge = self.minutes * 60 * EDGE
        late = self.minutes * 60 - edge
        warm = [each for each in self.samples if each.minute > self.minutes * WARM_UP]
        minutes = [each.minute for each in warm]
        ended = Ended(
            requests=len(outcomes),
            asked=asked,
            failures=Counter(
                f"{each.kind.value}: {each.status}" for each in outcomes if not each.is_well
            ),
            reasons=Counter(each.reason for each in outcomes),
            first=latencies([each for each in outcomes if each.due < edge]),
            last=latencies([each for each in outcomes if each.due >= late]),
            router=Slope.through(minutes, [each.look.router.megabytes for each in warm]),
            envoy=Slope.through(minutes, [each.look.envoy.megabytes for each in warm]),
            rest=rest,
        )
        return replace(self, ended=ended)
