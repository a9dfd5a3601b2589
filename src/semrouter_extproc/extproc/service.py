"""The gRPC face: one stream per request, under the name that Envoy calls."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import grpc

from semrouter_extproc.extproc._pb.ext_proc_pb2 import ProcessingRequest
from semrouter_extproc.extproc.processor import RequestProcessor
from semrouter_extproc.observe.observer import Observer
from semrouter_extproc.router import SemanticRouter

SERVICE: Final = "envoy.service.ext_proc.v3.ExternalProcessor"

_Context: TypeAlias = "grpc.aio.ServicerContext[ProcessingRequest, bytes]"


def external_processor(
    router: Callable[[], SemanticRouter],
    *,
    max_body: int,
    model_header: str | None = None,
    observers: Sequence[Observer] = (),
) -> "grpc.GenericRpcHandler[ProcessingRequest, bytes]":
    """Return the service for a `grpc.aio` server.

    `router` is asked once a stream, and what it gives answers that stream. The rest is for
    `RequestProcessor`.
    """

    async def process(_: object, context: _Context) -> bytes:
        # Reading and writing by hand costs less than an async iterator, and lets the stream
        # end while Envoy's half is still open. When the client of a request hangs up, gRPC
        # cancels this coroutine, and with it the prompt that waits for the encoder.
        processor = RequestProcessor(
            router(),
            max_body=max_body,
            model_header=model_header,
            observers=observers,
            traceparent=_traceparent(context) if observers else "",
        )
        while (message := await context.read()) is not grpc.aio.EOF:  # type: ignore[attr-defined]  # missing in the stubs
            answers = [each.SerializeToString() for each in await processor.handle(message)]
            if processor.finished:
                return await _end(context, answers)
            for answer in answers:
                await context.write(answer)
        return await _end(context, [])

    # On the wire there is no difference to a stream of answers. But gRPC sends what a unary
    # method returns together with the end of the stream, for a sixth less CPU per request.
    method = grpc.stream_unary_rpc_method_handler(
        process, request_deserializer=ProcessingRequest.FromString
    )
    return grpc.method_handlers_generic_handler(SERVICE, {"Process": method})


def _traceparent(context: _Context) -> str:
    """Return the span of Envoy's that this stream is, "" where it is in no trace."""
    for name, value in context.invocation_metadata() or ():
        if name == "traceparent":
            return str(value)
    return ""


async def _end(context: _Context, answers: Sequence[bytes]) -> bytes:
    """Write all answers but the last, and return that. Without any, the stream is aborted."""
    if not answers:
        await context.abort(grpc.StatusCode.CANCELLED, "the request ended first")
    for answer in answers[:-1]:
        await context.write(answer)
    return answers[-1]
