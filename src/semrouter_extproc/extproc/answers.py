"""The gRPC face for Envoy's access log: it tells what became of each request.

Envoy sends a second's entries at once, from each of its threads on one stream, beside all
requests: nothing waits for it, and what cannot be sent is dropped.
"""

import asyncio
from collections.abc import Iterator
from typing import Final, TypeAlias

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Struct

from semrouter_extproc.core import headers, usage
from semrouter_extproc.extproc._pb.access_log_pb2 import (
    HTTPAccessLogEntry,
    StreamAccessLogsMessage,
    StreamAccessLogsResponse,
)
from semrouter_extproc.observe.answers import AnswerCounts, Answered, Decided

ACCESS_LOGS: Final = "envoy.service.accesslog.v3.AccessLogService"

_NANOSECONDS: Final = 1e9

_Context: TypeAlias = "grpc.aio.ServicerContext[StreamAccessLogsMessage, StreamAccessLogsResponse]"


class AnswerListener:
    """Counts what Envoy tells, until it is closed."""

    def __init__(self, counts: AnswerCounts) -> None:
        self._counts = counts
        self._closed = asyncio.Event()

    def close(self) -> None:
        """End every stream, so that Envoy goes to another router and none holds up a drain."""
        self._closed.set()

    def handler(
        self,
    ) -> "grpc.GenericRpcHandler[StreamAccessLogsMessage, StreamAccessLogsResponse]":
        """Return the service for a `grpc.aio` server."""
        method = grpc.stream_unary_rpc_method_handler(
            self._listen,
            request_deserializer=StreamAccessLogsMessage.FromString,
            response_serializer=StreamAccessLogsResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(ACCESS_LOGS, {"StreamAccessLogs": method})

    async def _listen(self, _: object, context: _Context) -> StreamAccessLogsResponse:
        closed = asyncio.create_task(self._closed.wait())
        try:
            while True:
                read = asyncio.create_task(context.read())
                await asyncio.wait((read, closed), return_when=asyncio.FIRST_COMPLETED)
                if not read.done():
                    read.cancel()
                    break
                message = read.result()
                if message is grpc.aio.EOF:  # type: ignore[attr-defined]  # missing in the stubs
                    break
                for answer in answers_in(message):
                    self._counts.over(answer)
        finally:
            closed.cancel()
        return StreamAccessLogsResponse()


def answers_in(message: StreamAccessLogsMessage) -> Iterator[Answered]:
    """Yield the answers to requests that a router decided about."""
    for entry in message.http_logs.log_entry:
        told = entry.request.request_headers
        # A router that was not asked, or failed open, decided nothing.
        if headers.REASON in told:
            yield _answered(entry)


def _answered(entry: HTTPAccessLogEntry) -> Answered:
    told, times = entry.request.request_headers, entry.common_properties
    counted = times.metadata.filter_metadata.get(usage.NAMESPACE)
    return Answered(
        path=entry.request.path.partition("?")[0],
        decided=Decided(*(told.get(name, "") for name in _DECIDED)),
        status=entry.response.response_code.value,
        prompt_tokens=_tokens(counted, usage.PROMPT_TOKENS),
        completion_tokens=_tokens(counted, usage.COMPLETION_TOKENS),
        first_byte=_seconds(times.time_to_first_downstream_tx_byte),
        seconds=_seconds(times.time_to_last_downstream_tx_byte),
    )


_DECIDED: Final = (headers.MODEL, headers.CATEGORY, headers.REASONING)


def _tokens(counted: Struct | None, key: str) -> int | None:
    if counted is None or key not in counted.fields:
        return None
    value = counted.fields[key].number_value
    # Whatever a model's server wrote there: a count is finite and not negative.
    return int(value) if 0 <= value < float("inf") else None


def _seconds(duration: Duration) -> float:
    return float(duration.seconds + duration.nanos / _NANOSECONDS)
