"""One request's stream, without I/O of its own: a message in, a list of messages out.

Envoy names the body mode in its first message. What can be answered depends on it:

BUFFERED              headers go on at once but are still mutable with the body; one answer
                      carries headers, body and the new route.
FULL_DUPLEX_STREAMED  headers wait for the decision; then everything goes on, in chunks. The
                      stream must not end early: Envoy would send an empty body.
STREAMED              headers must be answered before the body comes, so the decision can
                      change the body only, not the route; unless Envoy sends the body
                      without waiting for that answer, which then waits for the decision.

Any other mode            never shows a whole body: the request passes through.

In every mode the stream ends right after the last thing Envoy needs: a generation holds no
stream, and outlives a restart of the router.
"""

from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import Final

from semrouter_extproc.core import headers
from semrouter_extproc.core.policy import Reason
from semrouter_extproc.extproc import messages
from semrouter_extproc.extproc._pb.ext_proc_pb2 import (
    BUFFERED,
    FULL_DUPLEX_STREAMED,
    STREAMED,
    HttpBody,
    HttpHeaders,
    ProcessingRequest,
    ProcessingResponse,
    ProtocolConfiguration,
)
from semrouter_extproc.router import Routing, SemanticRouter

ROUTED_PATHS: Final = frozenset({"/v1/chat/completions"})
"""Paths whose bodies are read; every other request passes through."""


class _Mode(Enum):
    """How the body arrives and what its answer can change."""

    NO_BODY = auto()
    BUFFERED = auto()
    FULL_DUPLEX = auto()
    STREAMED = auto()
    STREAMED_HEADERS_WAIT = auto()


class RequestProcessor:
    """The state of one request; lives as long as its stream."""

    def __init__(self, router: SemanticRouter) -> None:
        self._router = router
        self._mode = _Mode.BUFFERED
        self._chunks: list[bytes] = []
        self._passing = False
        self._spoofed: list[str] = []
        self.finished = False

    async def handle(self, message: ProcessingRequest) -> list[ProcessingResponse]:
        """Answer one message of Envoy's; afterwards `finished` says whether to end the stream."""
        match phase := message.WhichOneof("request"):
            case "request_headers":
                if message.HasField("protocol_config"):
                    self._mode = _mode_of(message.protocol_config)
                return self._on_headers(message.request_headers)
            case "request_body":
                return await self._on_body(message.request_body)
            case "request_trailers":
                return await self._on_trailers()
            case None:
                return self._finish([])
            case _:
                # The upstream answered first, or Envoy was told to ask about responses.
                return self._finish([messages.answer_response_phase(phase)])

    def _on_headers(self, request: HttpHeaders) -> list[ProcessingResponse]:
        values = {header.key: header.raw_value for header in request.headers.headers}
        self._spoofed = [name for name in values if name.startswith(headers.PREFIX)]
        bodyless = request.end_of_stream or self._mode is _Mode.NO_BODY
        if bodyless or not _is_routable(values):
            return self._pass_through(bodyless=bodyless)
        encoding = values.get("content-encoding", b"identity").decode("latin-1")
        if encoding != "identity":
            return self._refuse_encoding(encoding)
        if self._mode in (_Mode.FULL_DUPLEX, _Mode.STREAMED_HEADERS_WAIT):
            return []
        return [messages.answer_headers(remove=self._spoofed)]

    def _pass_through(self, *, bodyless: bool) -> list[ProcessingResponse]:
        self._router.skip(Reason.PASS_THROUGH)
        self._passing = True
        self.finished = bodyless or self._mode is _Mode.BUFFERED
        return [messages.answer_headers(remove=self._spoofed)]

    def _refuse_encoding(self, encoding: str) -> list[ProcessingResponse]:
        decision = self._router.skip(Reason.UNSUPPORTED_ENCODING)
        message = f"content-encoding {encoding} is not supported; send the body uncompressed"
        return self._finish(
            [
                messages.refuse(
                    415, message, code=decision.reason.value, headers=headers.headers_of(decision)
                )
            ]
        )

    async def _on_body(self, chunk: HttpBody) -> list[ProcessingResponse]:
        if self._passing:
            return self._pass_chunk(chunk)
        self._chunks.append(chunk.body)
        # A buffered body is whole even when trailers follow it.
        if chunk.end_of_stream or self._mode is _Mode.BUFFERED:
            return self._finish(await self._route(end_of_stream=True))
        return [messages.answer_chunk(b"")] if self._mode is _Mode.STREAMED else []

    def _pass_chunk(self, chunk: HttpBody) -> list[ProcessingResponse]:
        self.finished = chunk.end_of_stream
        if self._mode is not _Mode.FULL_DUPLEX:
            return [messages.answer_chunk(None)]
        return list(messages.full_duplex_body(chunk.body, end_of_stream=chunk.end_of_stream))

    async def _on_trailers(self) -> list[ProcessingResponse]:
        answers = [] if self._passing else await self._route(end_of_stream=False)
        return self._finish([*answers, messages.answer_trailers()])

    async def _route(self, *, end_of_stream: bool) -> list[ProcessingResponse]:
        original = b"".join(self._chunks)
        routing = await self._router.route(original)
        told = headers.headers_of(routing.decision)
        if routing.refusal is not None:
            code = routing.decision.reason.value
            return [messages.refuse(400, routing.refusal, code=code, headers=told)]
        return list(self._apply(routing, told, original, end_of_stream=end_of_stream))

    def _apply(
        self,
        routing: Routing,
        told: Mapping[str, str],
        original: bytes,
        *,
        end_of_stream: bool,
    ) -> Iterable[ProcessingResponse]:
        """Yield the answers that carry `routing` to Envoy in this stream's mode."""
        changed = dict(told)
        body = original if routing.body is None else routing.body
        if routing.body is not None:
            changed["content-length"] = str(len(body))
        gone = [name for name in self._spoofed if name not in told]
        match self._mode:
            case _Mode.BUFFERED:
                yield messages.answer_body(changed, routing.body)
            case _Mode.FULL_DUPLEX:
                yield messages.answer_headers(changed, remove=gone)
                yield from messages.full_duplex_body(body, end_of_stream=end_of_stream)
            case _Mode.STREAMED_HEADERS_WAIT:
                yield messages.answer_headers(told, remove=gone)
                yield from (messages.answer_chunk(b"") for _ in self._chunks[:-1])
                yield messages.answer_chunk(body)
            case _Mode.STREAMED:
                yield messages.answer_chunk(body)

    def _finish(self, answers: list[ProcessingResponse]) -> list[ProcessingResponse]:
        self.finished = True
        return answers


def _mode_of(protocol: ProtocolConfiguration) -> _Mode:
    if protocol.request_body_mode == BUFFERED:
        return _Mode.BUFFERED
    if protocol.request_body_mode == FULL_DUPLEX_STREAMED:
        return _Mode.FULL_DUPLEX
    if protocol.request_body_mode != STREAMED:
        return _Mode.NO_BODY
    if protocol.send_body_without_waiting_for_header_response:
        return _Mode.STREAMED_HEADERS_WAIT
    return _Mode.STREAMED


def _is_routable(values: Mapping[str, bytes]) -> bool:
    """Say whether the headers announce a chat completion with a JSON body."""
    path = values.get(":path", b"").decode("latin-1").partition("?")[0]
    kind = values.get("content-type", b"application/json").decode("latin-1")
    return (
        values.get(":method") == b"POST"
        and path in ROUTED_PATHS
        and kind.partition(";")[0].strip().lower() == "application/json"
    )
