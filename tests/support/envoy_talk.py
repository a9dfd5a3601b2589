"""What Envoy may say of a request, what it may be answered, and what the answers say."""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from hypothesis import strategies as st

from semrouter_extproc.extproc._pb import ext_proc_pb2 as pb
from semrouter_extproc.testing.conversations import Conversation
from support import tiny

MAX_BODY = 400


def asking(**members: object) -> bytes:
    return json.dumps({"model": "auto", "user": "ü", **members}, ensure_ascii=False).encode()


MESSAGES = [{"role": "user", "content": tiny.MATH}]
BODIES = (
    asking(messages=MESSAGES),
    asking(messages=[{"role": "user", "content": tiny.LAW}]),
    asking(messages=[]),
    asking(messages=MESSAGES, model="thinker"),
    asking(messages=MESSAGES, padding="x" * MAX_BODY),
    b"{",
    b"",
)
CHAT = {":method": "POST", ":path": "/v1/chat/completions", "content-type": "application/json"}
REQUESTS: Final[Sequence[dict[str, str]]] = (
    CHAT,
    {**CHAT, "content-length": "9", "x-semrouter-model": "thinker"},
    {**CHAT, ":path": "/v1/messages"},
    {**CHAT, ":path": "/v1/embeddings"},
    {**CHAT, "content-encoding": "gzip"},
    {":method": "GET", ":path": "/v1/models"},
    {},
)
STREAMING = (pb.STREAMED, pb.FULL_DUPLEX_STREAMED)

Exchange = tuple[pb.ProcessingRequest | None, int, Sequence[pb.ProcessingResponse]]
"""A message, None for the end of them; the mode by then; what it was answered."""


def headers_of(
    values: dict[str, str], mode: int | None, *, end_of_stream: bool
) -> pb.ProcessingRequest:
    listed = [pb.HeaderValue(key=key, raw_value=text.encode()) for key, text in values.items()]
    message = pb.ProcessingRequest(
        request_headers=pb.HttpHeaders(
            headers=pb.HeaderMap(headers=listed), end_of_stream=end_of_stream
        )
    )
    if mode is not None:
        message.protocol_config.request_body_mode = mode  # type: ignore[assignment]  # its number
    return message


def chunk(body: bytes, *, end_of_stream: bool) -> pb.ProcessingRequest:
    return pb.ProcessingRequest(request_body=pb.HttpBody(body=body, end_of_stream=end_of_stream))


def empty(phase: str) -> pb.ProcessingRequest:
    message = pb.ProcessingRequest()
    getattr(message, phase).SetInParent()
    return message


TRAILERS = empty("request_trailers")
RESPONSES = [empty(phase) for phase in ("response_headers", "response_body", "response_trailers")]

# Kinds of answers to one message, each followed by a space.
ONCE = {
    "request_headers": "(request_headers|immediate_response) ",
    "request_body": "(request_body|immediate_response) ",
    "request_trailers": "(request_trailers|immediate_response) ",
    "response_headers": "response_headers ",
    "response_body": "response_body ",
    "response_trailers": "response_trailers ",
    "": "",
}
FULL_DUPLEX = {
    **ONCE,
    "request_headers": f"({ONCE['request_headers']})?",
    "request_body": "(immediate_response |(request_headers )?(request_body )+)?",
}


def kinds(answers: Iterable[pb.ProcessingResponse]) -> str:
    return "".join(f"{answer.WhichOneof('response')} " for answer in answers)


def given_back(answers: Iterable[pb.ProcessingResponse]) -> bytes:
    """Return the body that is sent on in full duplex."""
    mutations = (answer.request_body.response.body_mutation for answer in answers)
    return b"".join(mutation.streamed_response.body for mutation in mutations)


def _lengths_told(common: pb.CommonResponse) -> list[int]:
    options = common.header_mutation.set_headers
    return [int(each.header.raw_value) for each in options if each.header.key == "content-length"]


def lengths_agree(answers: Sequence[pb.ProcessingResponse]) -> bool:
    """Say whether what answers to one message tell of a body's length is so.

    Envoy asks it of a whole body that is replaced; a streamed one need not be told of.
    """
    for answer in answers:
        body = answer.request_body.response
        whole = body.body_mutation.body
        if whole and body.HasField("header_mutation") and _lengths_told(body) != [len(whole)]:
            return False
        told = _lengths_told(answer.request_headers.response)
        if told not in ([], [len(given_back(answers))]):
            return False
    return True


def is_ours(sent: bytes, received: bytes) -> bool:
    """Say whether a body is the client's, or the client's with what a router changes."""
    if sent == received:
        return True
    before, after = json.loads(received), json.loads(sent)
    ours = {"model", "reasoning_effort", "chat_template_kwargs"}
    kept = all(after[name] == before[name] for name in before.keys() - ours)
    return kept and after["model"] in {"thinker", "talker"} and before["model"] == "auto"


def kind_of(message: pb.ProcessingRequest | None) -> str:
    """Return the kind of a message, "" for one of none and for the end."""
    return "" if message is None else message.WhichOneof("request") or ""


def body_of(message: pb.ProcessingRequest | None) -> bytes:
    return b"" if message is None else message.request_body.body


def is_last(
    message: pb.ProcessingRequest | None, mode: int, answers: Sequence[pb.ProcessingResponse]
) -> bool:
    """Say whether nothing of the request is left to be answered."""
    match kind_of(message):
        case "request_headers" if message is not None:
            ends = message.request_headers.end_of_stream or mode not in (pb.BUFFERED, *STREAMING)
        case "request_body" if message is not None:
            ends = message.request_body.end_of_stream or mode == pb.BUFFERED
        case _:
            ends = True
    return ends or "immediate_response" in kinds(answers)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Return what an Envoy may say of a request, in one of its modes."""
    mode = draw(st.sampled_from(pb.BodySendMode.values()))
    values = draw(st.sampled_from(REQUESTS))
    body = draw(st.sampled_from(BODIES))
    messages = [headers_of(values, mode, end_of_stream=not body)]
    if body and mode == pb.BUFFERED:
        messages.append(chunk(body, end_of_stream=draw(st.booleans())))
    elif body and mode in STREAMING:
        cut = sorted(draw(st.lists(st.integers(0, len(body)), max_size=3)))
        pieces = [body[a:b] for a, b in pairwise([0, *cut, len(body)])]
        ending = draw(st.sampled_from(["with the last", "alone", "by trailers"]))
        messages += [chunk(piece, end_of_stream=False) for piece in pieces[:-1]]
        messages.append(chunk(pieces[-1], end_of_stream=ending == "with the last"))
        if ending != "with the last":
            messages.append(TRAILERS if ending == "by trailers" else chunk(b"", end_of_stream=True))
    return Conversation("drawn", tuple(message.SerializeToString() for message in messages))
