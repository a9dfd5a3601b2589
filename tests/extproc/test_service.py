"""The gRPC face, asked by a real client over a real connection."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from semrouter_extproc.extproc._pb import ext_proc_pb2 as pb
from semrouter_extproc.extproc.health import Health
from semrouter_extproc.extproc.service import SERVICE, external_processor
from support import tiny

HEADERS = pb.ProcessingRequest(
    request_headers=pb.HttpHeaders(
        headers=pb.HeaderMap(
            headers=[
                pb.HeaderValue(key=":method", raw_value=b"POST"),
                pb.HeaderValue(key=":path", raw_value=b"/v1/chat/completions"),
            ]
        )
    )
)
BODY = pb.ProcessingRequest(
    request_body=pb.HttpBody(body=b'{"model": "thinker"}', end_of_stream=True)
)


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((external_processor(tiny.router, max_body=1000),))
    health = Health(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    await health.report(serving=True)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(0)


def process(channel: grpc.aio.Channel) -> Any:
    method: Any = channel.stream_stream(  # the stubs know no call that is written to by hand
        f"/{SERVICE}/Process",
        request_serializer=pb.ProcessingRequest.SerializeToString,
        response_deserializer=pb.ProcessingResponse.FromString,
    )
    return method()


async def test_the_stream_ends_with_the_last_answer_while_the_client_could_still_write(
    channel: grpc.aio.Channel,
) -> None:
    call = process(channel)

    await call.write(HEADERS)
    first = await call.read()
    await call.write(BODY)
    second = await call.read()

    assert first.WhichOneof("response") == "request_headers"
    assert second.WhichOneof("response") == "request_body"
    assert await call.read() is grpc.aio.EOF  # type: ignore[attr-defined]  # missing in the stubs
    assert await call.code() is grpc.StatusCode.OK


async def test_a_request_that_ends_too_early_is_no_success(channel: grpc.aio.Channel) -> None:
    call = process(channel)

    await call.write(HEADERS)
    await call.read()
    await call.done_writing()

    assert await call.code() is grpc.StatusCode.CANCELLED


@pytest.mark.parametrize("name", ["", SERVICE])
async def test_health_is_told_for_the_server_and_for_the_service(
    channel: grpc.aio.Channel, name: str
) -> None:
    stub = health_pb2_grpc.HealthStub(channel)

    answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))

    assert answer.status == health_pb2.HealthCheckResponse.SERVING
