"""The least that an external processor on grpc.aio can do: the baseline of `no_encoder.py`.

It reads each body, names a model in it, switches thinking off and sends it on: nothing is
looked at, decided, counted or refused. With `--constant` it answers one message with a
constant, which is what a stream costs on grpc.aio whatever is done with it.
"""

import argparse
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import grpc
import msgspec
import uvloop
from load.stack import MODEL

from semrouter_extproc.extproc._pb.ext_proc_pb2 import (
    HeadersResponse,
    ProcessingRequest,
    ProcessingResponse,
)
from semrouter_extproc.extproc.health import Health
from semrouter_extproc.extproc.service import SERVICE

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"

_HEADERS_GO_ON: Final = ProcessingResponse(request_headers=HeadersResponse()).SerializeToString()


def main() -> None:
    """Serve on a port of the loopback until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--constant", action="store_true", help="answer one message, unread")
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.port, constant if arguments.constant else rewriting))


async def serve(port: int, answer: Callable[[object, Context], Awaitable[None]]) -> None:
    """Answer streams, and Envoy's health checks, for ever."""
    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(answer)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"Process": handler}),)
    )
    health = Health(server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await health.report(serving=True)
    await server.wait_for_termination()


async def constant(_: object, context: Context) -> None:
    """Let the headers go on, and end the stream."""
    await context.read()
    await context.write(_HEADERS_GO_ON)


async def rewriting(_: object, context: Context) -> None:
    """Let the headers go on, then the rewritten body, and end the stream."""
    ProcessingRequest.FromString(await context.read())
    await context.write(_HEADERS_GO_ON)
    request = ProcessingRequest.FromString(await context.read())
    await context.write(_rewritten(request.request_body.body).SerializeToString())


def _rewritten(body: bytes) -> ProcessingResponse:
    document = msgspec.json.decode(body)
    document["model"] = MODEL
    document["chat_template_kwargs"] = {"enable_thinking": False}
    new = msgspec.json.encode(document)
    answer = ProcessingResponse()
    common = answer.request_body.response
    common.body_mutation.body = new
    common.clear_route_cache = True
    for key, value in (("x-semrouter-model", MODEL), ("content-length", str(len(new)))):
        option = common.header_mutation.set_headers.add()
        option.header.key = key
        option.header.raw_value = value.encode()
    return answer


if __name__ == "__main__":
    main()
