"""An endpoint picker as the Gateway API Inference Extension has them: full duplex, both ways.

It reads the whole body, finds who serves the model that the body names, says so in a header, and
sends on what it was sent.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc

from semrouter_extproc.extproc import messages
from semrouter_extproc.extproc._pb.ext_proc_pb2 import (
    BodyMutation,
    BodyResponse,
    CommonResponse,
    HttpBody,
    ProcessingRequest,
    ProcessingResponse,
    StreamedBodyResponse,
)
from semrouter_extproc.testing.serving import serving_processor

DESTINATION = "x-gateway-destination-endpoint"
POOL = "x-pool"


@dataclass(frozen=True)
class Asked:
    """One request as the picker saw it, and the pool whose picker it was to be."""

    pool: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class EndpointPicker:
    """Picks by `endpoints`, from model to address; for any other model it has none."""

    endpoints: Mapping[str, str]
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    broken: bool = False

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def only(self) -> Asked:
        """Return the one request that it was asked about."""
        (request,) = self.asked
        return request

    def process(
        self, requests: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[ProcessingResponse]:
        """Answer one stream of Envoy's."""
        pool = dict(context.invocation_metadata() or ()).get(POOL, "")
        headers: dict[str, str] = {}
        body = b""
        for message in map(ProcessingRequest.FromString, requests):
            match message.WhichOneof("request"):
                case "request_headers":
                    told = message.request_headers.headers.headers
                    headers = {each.key: each.raw_value.decode() for each in told}
                case "request_body":
                    body += message.request_body.body
                    if message.request_body.end_of_stream:
                        yield from self._pick(Asked(str(pool), headers, body), context)
                case "request_trailers":
                    yield from self._pick(Asked(str(pool), headers, body), context, trailers=True)
                    yield messages.answer_trailers()
                case "response_body":
                    yield _sent_on(message.response_body)
                case phase:
                    yield messages.answer_response_phase(str(phase))

    def _pick(
        self, request: Asked, context: grpc.ServicerContext, *, trailers: bool = False
    ) -> Iterable[ProcessingResponse]:
        self.asked.append(request)
        if self.broken:
            context.abort(grpc.StatusCode.INTERNAL, "broken on purpose")
        picked = self.endpoints.get(json.loads(request.body)["model"])
        if picked is None:
            yield messages.answer_at_once(503, b'{"error": "no endpoint"}')
            return
        yield messages.answer_headers({DESTINATION: picked})
        yield from messages.full_duplex_body(request.body, end_of_stream=not trailers)


def _sent_on(chunk: HttpBody) -> ProcessingResponse:
    streamed = StreamedBodyResponse(body=chunk.body, end_of_stream=chunk.end_of_stream)
    common = CommonResponse(body_mutation=BodyMutation(streamed_response=streamed))
    return ProcessingResponse(response_body=BodyResponse(response=common))


@contextmanager
def endpoint_picker(endpoints: Mapping[str, str]) -> Iterator[EndpointPicker]:
    """Serve for as long as the block lasts."""
    picker = EndpointPicker(endpoints)
    with serving_processor(picker.process) as address:
        picker.port = address.port
        yield picker
