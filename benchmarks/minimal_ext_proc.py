"""The least that an external processor on grpc.aio can do: the baseline of other benchmarks.

It reads each body, names a model in it, switches thinking off and sends it on: nothing is
looked at, decided, counted or refused. With `--constant` it answers one message with a
constant, which is what a stream costs on grpc.aio whatever is done with it. With `--encode` it
encodes the text first, as much of it as the router reads, in as many threads as the encoder
bears, and forgets the vector.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias

import grpc
import msgspec
import uvloop
from load.stack import MODEL

from semrouter_extproc.artefact import load, resolve
from semrouter_extproc.assembly import load_encoder
from semrouter_extproc.config import Encoder
from semrouter_extproc.config.sections import Classifier
from semrouter_extproc.core.conversation import USER, Turn
from semrouter_extproc.core.prompt import Reading, text_to_classify
from semrouter_extproc.encoding.cores import step_back
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.extproc._pb.ext_proc_pb2 import (
    HeadersResponse,
    ProcessingRequest,
    ProcessingResponse,
)
from semrouter_extproc.extproc.health import Health
from semrouter_extproc.extproc.service import SERVICE

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
Handler: TypeAlias = Callable[[object, Context], Awaitable[None]]

_HEADERS_GO_ON: Final = ProcessingResponse(request_headers=HeadersResponse()).SerializeToString()


def main() -> None:
    """Serve on a port of the loopback until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--constant", action="store_true", help="answer one message, unread")
    kinds.add_argument("--encode", action="store_true", help="encode the text of every body")
    arguments = parser.parse_args()
    answer: Handler = constant if arguments.constant else rewriting
    if arguments.encode:
        answer = encoding(load_encoder(Encoder(), load(resolve(Classifier().centroids))))
    uvloop.run(serve(arguments.port, answer))


async def serve(port: int, answer: Handler) -> None:
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
    document = await _asked(context)
    await context.write(_rewritten(document).SerializeToString())


def encoding(encoder: AnyEncoder) -> Handler:
    """Return what answers as `rewriting` does, with the body's text encoded in between."""
    threads = ThreadPoolExecutor(encoder.workers, initializer=step_back)

    def encode(text: str) -> None:
        read = text_to_classify([Turn(USER, text)], Reading())
        encoder.encode(encoder.tokenize([read]))

    async def answer(_: object, context: Context) -> None:
        document = await _asked(context)
        (message,) = document["messages"]
        await asyncio.get_running_loop().run_in_executor(threads, encode, message["content"])
        await context.write(_rewritten(document).SerializeToString())

    return answer


async def _asked(context: Context) -> dict[str, Any]:
    """Let the headers go on, and return the body that follows."""
    ProcessingRequest.FromString(await context.read())
    await context.write(_HEADERS_GO_ON)
    request = ProcessingRequest.FromString(await context.read())
    document: dict[str, Any] = msgspec.json.decode(request.request_body.body)
    return document


def _rewritten(document: dict[str, Any]) -> ProcessingResponse:
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
