"""What Envoy 1.40 makes of a processor's answers about a request. Each rule was seen on a real one.

Envoy is taken as it is by default: headers SEND, no answer of the model's, no `mode_override`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from semrouter_extproc.extproc._pb import ext_proc_pb2 as pb
from semrouter_extproc.testing.conversations import Conversation

_UNTOUCHABLE: Final = frozenset({"host", ":authority", ":method", ":scheme"})
"""Headers that a processor may not set; Envoy passes over the attempt."""

_ILLEGAL: Final = frozenset(b"\r\n\0")


@dataclass(frozen=True, slots=True)
class Forwarded:
    """The request goes on. `rerouted` says that Envoy looks for a route anew."""

    headers: Mapping[str, bytes]
    body: bytes
    rerouted: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """The processor answers the client itself."""

    status: int
    headers: Mapping[str, bytes]
    body: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """A fault of the processor's. Envoy answers 500, or, where it still can, fails open."""

    why: str


Outcome = Forwarded | Answered | Broken


class _Fault(Exception):
    """An answer that Envoy does not take."""


class Envoy:
    """Envoy's side of one stream. `outcome` is there once nothing more is to be said."""

    def __init__(self, conversation: Conversation) -> None:
        self._requests = conversation.requests
        self._whole = conversation.body
        self._mode = conversation.mode
        self._sent = 0
        self._chunks_answered = 0
        self._headers = dict(conversation.headers)
        self._headers_answered = False
        self._body = b""
        self._rerouted = False
        self.outcome: Outcome | None = None

    def next(self) -> pb.ProcessingRequest | None:
        """Return the next message, None where an answer is due first, or all is said."""
        if self.outcome is not None or self._sent == len(self._requests):
            return None
        if self._mode != pb.FULL_DUPLEX_STREAMED and self._sent and not self._headers_answered:
            return None
        self._sent += 1
        return self._requests[self._sent - 1]

    def hear(self, response: pb.ProcessingResponse) -> None:
        """Take an answer."""
        if self.outcome is not None:
            return
        try:
            self._take(response)
        except _Fault as fault:
            self.outcome = Broken(str(fault))

    def end(self, *, error: str = "") -> None:
        """Take note that the server has ended the stream, by an `error` or well."""
        if self.outcome is not None:
            return
        if error:
            self.outcome = Broken(error)
        elif self._mode == pb.FULL_DUPLEX_STREAMED:
            self.outcome = Broken("the stream ended before the body was given back: it is lost")
        else:
            self._forward(self._whole)

    @property
    def _chunks_sent(self) -> int:
        return sum(each.HasField("request_body") for each in self._requests[: self._sent])

    def _take(self, response: pb.ProcessingResponse) -> None:
        takes: Mapping[str | None, Callable[[pb.ProcessingResponse], None]] = {
            "request_headers": self._take_headers,
            "request_body": self._take_body,
            "request_trailers": self._take_trailers,
            "immediate_response": self._take_answer,
        }
        kind = response.WhichOneof("response")
        if kind not in takes:
            raise _Fault(f"nobody asked for {kind or 'an empty answer'}")
        takes[kind](response)

    def _take_headers(self, response: pb.ProcessingResponse) -> None:
        if self._headers_answered:
            raise _Fault("the headers are answered twice")
        self._headers_answered = True
        self._change(response.request_headers.response)
        if self._requests[0].request_headers.end_of_stream or self._mode == pb.NONE:
            self._forward(self._whole)

    def _take_body(self, response: pb.ProcessingResponse) -> None:
        if not self._headers_answered:
            raise _Fault("the body is answered before the headers")
        common = response.request_body.response
        if self._mode == pb.FULL_DUPLEX_STREAMED:
            self._take_stream(common.body_mutation)
        else:
            self._take_chunk(common)

    def _take_stream(self, mutation: pb.BodyMutation) -> None:
        if mutation.WhichOneof("mutation") != "streamed_response":
            raise _Fault("in full duplex a body comes back as `streamed_response`")
        self._body += mutation.streamed_response.body
        if mutation.streamed_response.end_of_stream:
            self._forward(self._body)

    def _take_chunk(self, common: pb.CommonResponse) -> None:
        if self._chunks_answered == self._chunks_sent:
            raise _Fault("a chunk is answered that was not sent")
        chunks = [each.request_body for each in self._requests if each.HasField("request_body")]
        chunk = chunks[self._chunks_answered]
        self._chunks_answered += 1
        self._body += _changed(chunk.body, common.body_mutation)
        if self._mode == pb.BUFFERED:
            # In this mode alone are the headers still there to be changed.
            self._change(common)
            self._require_length(common.body_mutation)
        if chunk.end_of_stream or self._mode == pb.BUFFERED:
            self._forward(self._body)

    def _take_trailers(self, _: pb.ProcessingResponse) -> None:
        if not self._requests[-1].HasField("request_trailers"):
            raise _Fault("trailers are answered that were not sent")
        self._forward(self._body)

    def _take_answer(self, response: pb.ProcessingResponse) -> None:
        answer = response.immediate_response
        headers: dict[str, bytes] = {}
        _set(headers, answer.headers)
        self.outcome = Answered(answer.status.code or 200, headers, answer.body)

    def _change(self, common: pb.CommonResponse) -> None:
        mutation = common.header_mutation
        for name in mutation.remove_headers:
            self._headers.pop(name.lower(), None)
        _set(self._headers, mutation)
        # Without a change of headers Envoy does not look for a route.
        changes = bool(mutation.set_headers or mutation.remove_headers)
        self._rerouted = self._rerouted or (common.clear_route_cache and changes)

    def _require_length(self, mutation: pb.BodyMutation) -> None:
        length = self._headers.get("content-length")
        if mutation.WhichOneof("mutation") and length not in (None, b"%d" % len(self._body)):
            raise _Fault(
                f"content-length says {length!r}, and the body has {len(self._body)} bytes"
            )

    def _forward(self, body: bytes) -> None:
        headers = dict(self._headers)
        if self._mode not in (pb.BUFFERED, pb.NONE):
            headers.pop("content-length", None)
        self.outcome = Forwarded(headers, body, self._rerouted)


def _changed(chunk: bytes, mutation: pb.BodyMutation) -> bytes:
    match mutation.WhichOneof("mutation"):
        case None:
            return chunk
        case "body":
            return mutation.body
        case "clear_body":
            return b""
        case _:
            raise _Fault("`streamed_response` is for full duplex")


def _set(headers: dict[str, bytes], mutation: pb.HeaderMutation) -> None:
    for option in mutation.set_headers:
        # `value` is not read: a header that is set by it arrives empty.
        name, value = option.header.key.lower(), option.header.raw_value
        if not name or _ILLEGAL & {*name.encode(), *value}:
            raise _Fault(f"the header {name!r} has characters that no header may have")
        # Whatever `append_action` says.
        if name not in _UNTOUCHABLE:
            headers[name] = value
