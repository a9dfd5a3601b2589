"""Spans of OpenTelemetry, joined to Envoy's: how long a decision took, and what it was.

Needs the extra `otel`. Envoy chooses which requests are traced; this follows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from semrouter_extproc.config import Address
from semrouter_extproc.observe.observer import Handled, facts_of

_TIMEOUT: Final = 2
"""Seconds for a collector to take what is told; it also bounds how long closing takes."""

_PROPAGATOR: Final = TraceContextTextMapPropagator()


class Tracer:
    """Tells `collector`, by OTLP over gRPC, of each decision in a trace that is sampled.

    Spans wait, in bounded memory, for a thread that sends them; more are dropped.
    """

    def __init__(self, collector: Address) -> None:
        exporter = OTLPSpanExporter(endpoint=f"http://{collector}", insecure=True, timeout=_TIMEOUT)
        self._provider = TracerProvider(
            resource=Resource.create({SERVICE_NAME: "semrouter"}),
            # What was not decided to be traced, or comes without a trace, costs nothing.
            sampler=ParentBased(ALWAYS_OFF),
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("semrouter_extproc")

    def handled(self, request: Handled) -> None:
        """Tell of a decision. Belongs to the event loop's thread; never waits or raises."""
        if not request.traceparent:
            return
        span = self._tracer.start_span(
            "decide",
            context=_PROPAGATOR.extract({"traceparent": request.traceparent}),
            kind=SpanKind.SERVER,
            attributes=_attributes(request),
            start_time=request.began,
        )
        span.end(request.ended)

    def close(self) -> None:
        """Send what waits, so far as the collector takes it in time."""
        self._provider.shutdown()


@contextmanager
def tracing(collector: Address) -> Iterator[Tracer]:
    """Trace for as long as the block lasts."""
    tracer = Tracer(collector)
    try:
        yield tracer
    finally:
        tracer.close()


def _attributes(request: Handled) -> dict[str, AttributeValue]:
    told = {f"semrouter.{name}": value for name, value in facts_of(request).items()}
    return {**told, "url.path": request.path}
