"""Every Prometheus metric. Labels come from the configuration, never from a client."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from semrouter_extproc.core.policy import Decision
from semrouter_extproc.observe.reports import BatchReport

_SECONDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01),
    *(0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)
_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_PADDING = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0)


class Stage(StrEnum):
    """The stations of a request."""

    PARSE = "parse"
    QUEUE = "queue"
    ENCODE = "encode"
    CLASSIFY = "classify"
    DECIDE = "decide"
    REWRITE = "rewrite"
    TOTAL = "total"


class Metrics:
    """The metrics of one router, on a registry of the caller's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._requests = Counter(
            "semrouter_requests",
            "Requests, by what was decided and why.",
            ["reason", "category", "model", "reasoning"],
            registry=registry,
        )
        stages = Histogram(
            "semrouter_stage_seconds",
            "Time at each station of a request; encode counts once per batch.",
            ["stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._stages = {stage: stages.labels(stage.value) for stage in Stage}
        self._batch_size = Histogram(
            "semrouter_batch_size",
            "Prompts encoded together.",
            buckets=_BATCH_SIZES,
            registry=registry,
        )
        self._padding = Histogram(
            "semrouter_batch_padding_ratio",
            "Characters computed over characters asked for; 1 is no padding.",
            buckets=_PADDING,
            registry=registry,
        )
        self._queue_depth = Gauge(
            "semrouter_queue_depth",
            "Prompts waiting for their vector.",
            registry=registry,
        )

    def watch_queue(self, depth: Callable[[], float]) -> None:
        """Read the queue's depth from `depth` at every scrape."""
        self._queue_depth.set_function(depth)

    def time(self, stage: Stage) -> AbstractContextManager[object]:
        """Measure the enclosed lines as `stage`."""
        return self._stages[stage].time()

    def decided(self, decision: Decision) -> None:
        """Count a request."""
        self._requests.labels(
            decision.reason.value,
            decision.category or "",
            decision.model or "",
            decision.reasoning.value,
        ).inc()

    def encoded(self, batch: BatchReport) -> None:
        """Count a batch."""
        self._batch_size.observe(batch.size)
        self._padding.observe(batch.padding)
        self._stages[Stage.ENCODE].observe(batch.seconds)
        for wait in batch.waited:
            self._stages[Stage.QUEUE].observe(wait)
