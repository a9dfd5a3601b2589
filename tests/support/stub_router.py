"""An external processor that does what Envoy must let pass, and what it must not.

It speaks Envoy's own messages, so that Envoy's side is tested apart from the router's.
"""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from envoy_data_plane.envoy.config.core.v3 import HeaderValue, HeaderValueOption
from envoy_data_plane.envoy.service.ext_proc.v3 import (
    BodyMutation,
    BodyResponse,
    CommonResponse,
    HeaderMutation,
    HeadersResponse,
    ProcessingRequest,
    ProcessingResponse,
)
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import HealthServicer

_SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"
_ANY_SIZE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class StubRouter:
    """Routes to the model that the body names, and adds a member to the body.

    `heard` holds the headers of each request it was asked about. While `broken`, it fails.
    """

    def __init__(self) -> None:
        self.heard: list[dict[str, str]] = []
        self.broken = False
        self.port = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def process(
        self, requests: Iterator[ProcessingRequest], context: grpc.ServicerContext
    ) -> Iterable[ProcessingResponse]:
        if self.broken:
            context.abort(grpc.StatusCode.INTERNAL, "broken on purpose")
        for request in requests:
            if request.request_headers is not None:
                headers = request.request_headers.headers
                assert headers is not None
                self.heard.append({each.key: each.raw_value.decode() for each in headers.headers})
                yield ProcessingResponse(request_headers=HeadersResponse())
            elif request.request_body is not None:
                yield _route(request.request_body.body)
                return


def _route(body: bytes) -> ProcessingResponse:
    if not body.startswith(b"{"):
        return ProcessingResponse(request_body=BodyResponse())
    rewritten = body.removesuffix(b"}") + b',"added":"by the router"}'
    headers = {
        "content-length": str(len(rewritten)),
        "x-semrouter-model": json.loads(body)["model"],
        "x-semrouter-category": "computer science",
        "x-semrouter-reason": "routed",
        "authorization": "stolen",
        "x-other": "not ours",
    }
    common = CommonResponse(
        header_mutation=HeaderMutation(
            set_headers=[
                HeaderValueOption(header=HeaderValue(key=name, raw_value=value.encode()))
                for name, value in headers.items()
            ]
        ),
        body_mutation=BodyMutation(body=rewritten),
        clear_route_cache=True,
    )
    return ProcessingResponse(request_body=BodyResponse(response=common))


@contextmanager
def stub_router() -> Iterator[StubRouter]:
    """Serve for as long as the block lasts, and report good health."""
    router = StubRouter()
    server = grpc.server(ThreadPoolExecutor(8), options=_ANY_SIZE)
    process = grpc.stream_stream_rpc_method_handler(
        router.process,
        request_deserializer=ProcessingRequest.parse,
        response_serializer=bytes,
    )
    handler = grpc.method_handlers_generic_handler(_SERVICE, {"Process": process})
    server.add_generic_rpc_handlers((handler,))
    health = HealthServicer()
    health.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    router.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield router
    finally:
        server.stop(grace=None).wait()
