"""A collector of OpenTelemetry's: keeps the spans that it is told of."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as service
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True)
class Told:
    """A span and who told of it."""

    service: str
    span: Span

    @property
    def attributes(self) -> dict[str, Any]:
        return {
            each.key: getattr(each.value, each.value.WhichOneof("value") or "")
            for each in self.span.attributes
        }


@dataclass
class Collector(service.TraceServiceServicer):
    """Everything that arrived, in order."""

    told: list[Told] = field(default_factory=list)
    address: str = ""

    def Export(self, request: pb.ExportTraceServiceRequest, _: object) -> Any:  # noqa: N802 - gRPC's name
        for resource in request.resource_spans:
            names = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.told += [Told(names["service.name"], span) for span in scope.spans]
        return pb.ExportTraceServiceResponse()

    def of(self, name: str) -> list[Told]:
        return [told for told in self.told if told.service == name]


@contextmanager
def running_collector() -> Iterator[Collector]:
    """Collect for as long as the block lasts."""
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(2))
    service.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]  # generated
    collector.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield collector
    finally:
        server.stop(grace=None).wait()
