"""One request's stream, without I/O of its own: a message in, a list of messages out.

Envoy names the body mode in its first message. What can be answered depends on it:

BUFFERED              headers go on at once but are still mutable with the body; one answer
                      carries headers, body and the new route.
FULL_DUPLEX_STREAMED  headers wait for the decision; then everything goes on, in chunks.
STREAMED              headers must be answered before the body comes, so the decision can
                      change the body only, not the route. Chunks are answered empty until
                      the last, which carries the new body.
any other             never shows a whole body: the request passes through.

In the streaming modes a body that trailers follow is refused: once they come, a STREAMED body
can no longer be given back, and in full duplex Envoy 1.40 sends it twice, even unchanged.

What passes through a streaming mode is followed to its end: where a stream ends early,
Envoy 1.40 drops the body (full duplex) or sends chunks of it twice (streamed).

In every mode the stream ends right after the last thing Envoy needs: a generation holds no
stream, and outlives a restart of the router.
"""

import json
import time
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from functools import lru_cache
from typing import Final

from semrouter_extproc.core import headers, intent
from semrouter_extproc.core.apis import APIS, CHAT_COMPLETIONS
from semrouter_extproc.core.policy import Decision, Reason
from semrouter_extproc.extproc import messages
from semrouter_extproc.extproc._pb.ext_proc_pb2 import (
    BUFFERED,
    FULL_DUPLEX_STREAMED,
    STREAMED,
    HttpBody,
    HttpHeaders,
    ProcessingRequest,
    ProcessingResponse,
)
from semrouter_extproc.observe.observer import Handled, Observer
from semrouter_extproc.router import Routing, SemanticRouter

_JSON: Final = "application/json"


class _Mode(Enum):
    """How the body arrives and what its answer can change."""

    NO_BODY = auto()
    BUFFERED = auto()
    FULL_DUPLEX = auto()
    STREAMED = auto()


_MODES: Final[Mapping[int, _Mode]] = {
    BUFFERED: _Mode.BUFFERED,
    FULL_DUPLEX_STREAMED: _Mode.FULL_DUPLEX,
    STREAMED: _Mode.STREAMED,
}


class RequestProcessor:
    """The state of one request; lives as long as its stream.

    A body of more than `max_body` bytes is refused: in the streaming modes Envoy sets no limit.
    `model_header` names the model in one more header. What was decided about a body is told to
    the `observers`; `traceparent` is the trace that they may add to.
    """

    def __init__(
        self,
        router: SemanticRouter,
        *,
        max_body: int,
        model_header: str | None = None,
        observers: Sequence[Observer] = (),
        traceparent: str = "",
    ) -> None:
        self._router = router
        self._max_body = max_body
        self._model_header = model_header
        self._observers = observers
        self._traceparent = traceparent
        self._mode = _Mode.BUFFERED
        self._body = bytearray()
        self._passing = False
        self._api = CHAT_COMPLETIONS
        self._wish: str | None = None
        self._id = ""
        self._spoofed: list[str] = []
        self.finished = False

    async def handle(self, message: ProcessingRequest) -> list[ProcessingResponse]:
        """Answer one message of Envoy's; afterwards `finished` says whether to end the stream."""
        match phase := message.WhichOneof("request"):
            case "request_headers":
                if message.HasField("protocol_config"):
                    mode = message.protocol_config.request_body_mode
                    self._mode = _MODES.get(mode, _Mode.NO_BODY)
                return self._on_headers(message.request_headers)
            case "request_body":
                return await self._on_body(message.request_body)
            case "request_trailers":
                return self._on_trailers()
            case None:
                return self._finish([])
            case _:
                # The upstream answered first, or Envoy was told to ask about responses.
                return self._finish([messages.answer_response_phase(phase)])

    def _on_headers(self, request: HttpHeaders) -> list[ProcessingResponse]:
        values = self._read(request)
        path = values.get(":path", "").partition("?")[0]
        is_get = values.get(":method") == "GET"
        listed = self._router.catalogue.answer(path) if is_get else None
        if listed is not None:
            self._router.skip(Reason.MODELS_LISTED)
            return self._finish([messages.answer_at_once(*listed)])
        bodyless = request.end_of_stream or self._mode is _Mode.NO_BODY
        api = APIS.get(path) if _brings_json(values) else None
        if bodyless or api is None:
            return self._pass_through(bodyless=bodyless)
        self._api, self._wish = api, values.get(intent.HEADER)
        self._id = values.get(headers.REQUEST_ID, "")
        encoding = values.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity"):
            message = f"content-encoding {encoding} is not supported; send the body uncompressed"
            return self._refuse(415, Reason.UNSUPPORTED_ENCODING, message)
        if self._mode is _Mode.FULL_DUPLEX:
            return []
        return [messages.answer_headers(remove=self._spoofed)]

    def _read(self, request: HttpHeaders) -> Mapping[str, str]:
        """Return the headers that decide, and note those that only the router may set."""
        values = {}
        for header in request.headers.headers:
            name = header.key
            if name in headers.READ:
                values[name] = header.raw_value.decode("latin-1")
            elif name.startswith(headers.PREFIX) or name == self._model_header:
                self._spoofed.append(name)
        return values

    def _pass_through(self, *, bodyless: bool) -> list[ProcessingResponse]:
        self._router.skip(Reason.PASS_THROUGH)
        self._passing = True
        self.finished = bodyless or self._mode is _Mode.BUFFERED
        return [messages.answer_headers(remove=self._spoofed)]

    async def _on_body(self, chunk: HttpBody) -> list[ProcessingResponse]:
        if self._passing:
            return self._pass_chunk(chunk)
        self._body += chunk.body
        if len(self._body) > self._max_body:
            message = f"the body is larger than {self._max_body} bytes"
            return self._refuse(413, Reason.BODY_TOO_LARGE, message)
        # A buffered body is whole even when trailers follow it.
        if chunk.end_of_stream or self._mode is _Mode.BUFFERED:
            return self._finish(await self._route())
        return [messages.answer_chunk(b"")] if self._mode is _Mode.STREAMED else []

    def _pass_chunk(self, chunk: HttpBody) -> list[ProcessingResponse]:
        self.finished = chunk.end_of_stream
        if self._mode is not _Mode.FULL_DUPLEX:
            return [messages.answer_chunk(None)]
        return list(messages.full_duplex_body(chunk.body, end_of_stream=chunk.end_of_stream))

    def _on_trailers(self) -> list[ProcessingResponse]:
        if self._passing:
            return self._finish([messages.answer_trailers()])
        message = "trailers after the body are not supported; send the body without them"
        return self._refuse(400, Reason.UNSUPPORTED_TRAILERS, message)

    async def _route(self) -> list[ProcessingResponse]:
        original = bytes(self._body)
        began = time.time_ns()
        routing = await self._router.route(original, self._api, header=self._wish)
        if self._observers:
            self._tell(original, routing, began)
        if routing.refusal is not None:
            return [self._refusal(400, routing.decision, routing.refusal)]
        told = headers.headers_of(routing.decision, model_header=self._model_header)
        if self._mode is _Mode.BUFFERED:
            return [messages.answer_body(told, routing.body)]
        # Nothing of a streamed body has gone on yet, so also an unchanged one is sent here.
        body = original if routing.body is None else routing.body
        if self._mode is _Mode.STREAMED:
            return [messages.answer_chunk(body)]
        sized = {**told, "content-length": str(len(body))}
        gone = [name for name in self._spoofed if name not in told]
        return [
            messages.answer_headers(sized, remove=gone),
            *messages.full_duplex_body(body, end_of_stream=True),
        ]

    def _tell(self, body: bytes, routing: Routing, began: int) -> None:
        handled = Handled(
            id=self._id,
            path=self._api.path,
            body=body,
            decision=routing.decision,
            began=began,
            ended=time.time_ns(),
            wish=self._wish,
            refused=routing.refusal is not None,
            text=routing.text,
            rung=routing.rung,
            traceparent=self._traceparent,
        )
        for observer in self._observers:
            observer.handled(handled)

    def _refuse(self, status: int, reason: Reason, message: str) -> list[ProcessingResponse]:
        return self._finish([self._refusal(status, self._router.skip(reason), message)])

    def _refusal(self, status: int, decision: Decision, message: str) -> ProcessingResponse:
        code = decision.reason.value
        document = json.dumps(self._api.error(message, code)).encode()
        told = headers.headers_of(decision)
        return messages.answer_at_once(status, document, told, details=code)

    def _finish(self, answers: list[ProcessingResponse]) -> list[ProcessingResponse]:
        self.finished = True
        return answers


def _brings_json(values: Mapping[str, str]) -> bool:
    return values.get(":method") == "POST" and _is_json(values.get("content-type") or _JSON)


@lru_cache
def _is_json(kind: str) -> bool:
    return kind.partition(";")[0].strip().lower() == _JSON
