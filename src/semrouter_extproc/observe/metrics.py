"""Every Prometheus metric. Labels come from the configuration, never from a client.

Counts are kept in plain objects and become metrics when somebody asks for them: those of the
client library would cost as much as all else that is done for a request without an encoder.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from enum import StrEnum
from time import time

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    GaugeMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from semrouter_extproc.core.policy import Decision
from semrouter_extproc.observe.answers import AnswerCounts
from semrouter_extproc.observe.counters import counter_family
from semrouter_extproc.observe.drift import Drift
from semrouter_extproc.observe.histogram import Histogram, Timing, histogram_family
from semrouter_extproc.observe.reports import BatchReport
from semrouter_extproc.observe.shadow import ShadowCounts

_SECONDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01),
    *(0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)
_BATCH_SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
_PADDING = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0)


class Stage(StrEnum):
    """The stations of a request."""

    PARSE = "parse"
    NGRAMS = "ngrams"
    STATIC = "static"
    QUEUE = "queue"
    ENCODE = "encode"
    CLASSIFY = "classify"
    SHADOW = "shadow"
    REWRITE = "rewrite"
    TOTAL = "total"


class Rung(StrEnum):
    """Who found the route for a prompt; `ladder.py` tells them apart."""

    CACHE = "cache"
    STATIC = "static"
    ENCODER = "encoder"
    GUESS = "guess"
    DEFAULT = "default"


class Recording(StrEnum):
    """What became of a request that was to be recorded."""

    WRITTEN = "written"
    DROPPED = "dropped"
    FAILED = "failed"
    TOO_LARGE = "too_large"
    NO_ID = "no_id"


class Logging(StrEnum):
    """What became of a decision that was to be logged."""

    WRITTEN = "written"
    DROPPED = "dropped"
    NOT_REDACTED = "not_redacted"


class Metrics(Collector):
    """The metrics of one router, on a registry of the caller's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.shadow = ShadowCounts()
        self.answers = AnswerCounts()
        self.drift = Drift()
        self._requests: Counter[tuple[str, ...]] = Counter()
        self._rungs: Counter[Rung] = Counter()
        # No key is ever added: their threads count while a scrape reads.
        self._recordings = dict.fromkeys(Recording, 0)
        self._loggings = dict.fromkeys(Logging, 0)
        self._stages = {stage: Histogram(_SECONDS) for stage in Stage}
        self._batch_size = Histogram(_BATCH_SIZES)
        self._padding = Histogram(_PADDING)
        self._depth: Callable[[], float] = float
        self._is_current = True
        self._changed_at = time()
        registry.register(self)

    def watch_queue(self, depth: Callable[[], float]) -> None:
        """Read the queue's depth from `depth` at every scrape."""
        self._depth = depth

    def time(self, stage: Stage) -> AbstractContextManager[object]:
        """Measure the enclosed lines as `stage`."""
        return Timing(self._stages[stage])

    def decided(self, decision: Decision) -> None:
        """Count a request. Belongs to the event loop's thread, as scrapes do."""
        labels = (
            decision.reason,
            decision.category or "",
            decision.model or "",
            decision.reasoning,
        )
        self._requests[labels] += 1

    def answered(self, rung: Rung) -> None:
        """Count a prompt, by who found its route. Belongs to the event loop's thread."""
        self._rungs[rung] += 1

    def recorded(self, outcome: Recording) -> None:
        """Count a request that was to be recorded. Each outcome belongs to one thread."""
        self._recordings[outcome] += 1

    def logged(self, outcome: Logging) -> None:
        """Count a decision that was to be logged. Each outcome belongs to one thread."""
        self._loggings[outcome] += 1

    def reloaded(self, *, successful: bool) -> None:
        """Note that a changed configuration was taken, or refused."""
        self._is_current = successful
        if successful:
            self._changed_at = time()

    def encoded(self, batch: BatchReport) -> None:
        """Count a batch."""
        self._batch_size.observe(batch.size)
        self._padding.observe(batch.padding)
        self._stages[Stage.ENCODE].observe(batch.seconds)
        for wait in batch.waited:
            self._stages[Stage.QUEUE].observe(wait)

    def collect(self) -> Iterable[Metric]:
        """Return everything as metrics; the registry asks for it."""
        yield counter_family(
            "semrouter_requests",
            "Requests, by what was decided and why.",
            self._requests,
            ["reason", "category", "model", "reasoning"],
        )
        yield counter_family(
            "semrouter_rungs",
            "Prompts, by who found their route.",
            {(rung,): self._rungs[rung] for rung in Rung},
            ["rung"],
        )
        yield counter_family(
            "semrouter_recordings",
            "Requests to be recorded, by what became of them.",
            {(outcome,): count for outcome, count in self._recordings.items()},
            ["outcome"],
        )
        yield counter_family(
            "semrouter_decisions_logged",
            "Decisions to be logged, by what became of them.",
            {(outcome,): count for outcome, count in self._loggings.items()},
            ["outcome"],
        )
        yield histogram_family(
            "semrouter_stage_seconds",
            "Time at each station of a request; encode counts once per batch.",
            {(stage,): histogram for stage, histogram in self._stages.items()},
            labels=["stage"],
        )
        yield histogram_family(
            "semrouter_batch_size", "Prompts encoded together.", {(): self._batch_size}
        )
        yield histogram_family(
            "semrouter_batch_padding_ratio",
            "Tokens computed over tokens asked for; 1 is no padding.",
            {(): self._padding},
        )
        yield GaugeMetricFamily(
            "semrouter_queue_depth", "Prompts waiting for their vector.", value=self._depth()
        )
        # As Prometheus names its own.
        yield GaugeMetricFamily(
            "semrouter_config_last_reload_successful",
            "1 if the files are what is served by, 0 if a change of them was refused.",
            value=self._is_current,
        )
        yield GaugeMetricFamily(
            "semrouter_config_last_reload_success_timestamp_seconds",
            "When the configuration that is served by was loaded.",
            value=self._changed_at,
        )
        yield from self.shadow.collect()
        yield from self.answers.collect()
        yield from self.drift.collect()
