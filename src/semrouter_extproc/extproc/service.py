"""The gRPC face: one stream per request, under the name that Envoy calls."""

from typing import Final

import grpc

from semrouter_extproc.extproc._pb.ext_proc_pb2 import ProcessingRequest, ProcessingResponse
from semrouter_extproc.extproc.processor import RequestProcessor
from semrouter_extproc.router import SemanticRouter

SERVICE: Final = "envoy.service.ext_proc.v3.ExternalProcessor"


def external_processor(
    router: SemanticRouter, *, max_body: int
) -> "grpc.GenericRpcHandler[ProcessingRequest, ProcessingResponse]":
    """Return the service for a `grpc.aio` server, every stream answered by `router`."""
    context_type = grpc.aio.ServicerContext[ProcessingRequest, ProcessingResponse]

    async def process(_: object, context: context_type) -> None:
        # Reading and writing by hand costs less than an async iterator, and lets the stream
        # end while Envoy's half is still open. When the client of a request hangs up, gRPC
        # cancels this coroutine, and with it the prompt that waits for the encoder.
        processor = RequestProcessor(router, max_body=max_body)
        while not processor.finished:
            message = await context.read()
            if message is grpc.aio.EOF:  # type: ignore[attr-defined]  # missing in the stubs
                return
            for answer in await processor.handle(message):
                await context.write(answer)

    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "Process": grpc.stream_stream_rpc_method_handler(
                process,
                request_deserializer=ProcessingRequest.FromString,
                response_serializer=ProcessingResponse.SerializeToString,
            )
        },
    )
