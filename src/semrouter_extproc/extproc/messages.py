"""Builds every message that goes to Envoy; nothing else touches protobuf's constructors.

What every request needs is written in place: parts that are passed to constructors are copied,
at three times the cost.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from semrouter_extproc.extproc._pb.ext_proc_pb2 import (
    OVERWRITE_IF_EXISTS_OR_ADD,
    BodyMutation,
    BodyResponse,
    CommonResponse,
    HeaderMutation,
    HeadersResponse,
    HttpStatus,
    ImmediateResponse,
    ProcessingResponse,
    StreamedBodyResponse,
    TrailersResponse,
)

_CHUNK_BYTES = 64 * 1024


def answer_headers(
    headers: Mapping[str, str] | None = None, *, remove: Sequence[str] = ()
) -> ProcessingResponse:
    """Let the headers go on, with `headers` set and those named in `remove` gone."""
    answer = ProcessingResponse()
    common = answer.request_headers.response
    common.SetInParent()
    if headers or remove:
        _change_headers(common, headers or {}, remove)
    return answer


def answer_body(headers: Mapping[str, str], body: bytes | None) -> ProcessingResponse:
    """Let headers and body go on, with `headers` set and the body replaced unless it is None."""
    answer = ProcessingResponse()
    common = answer.request_body.response
    if body is not None:
        # Envoy answers 500 where a buffered body and its length disagree.
        headers = {**headers, "content-length": str(len(body))}
        common.body_mutation.body = body
    _change_headers(common, headers)
    return answer


def answer_chunk(body: bytes | None) -> ProcessingResponse:
    """Let one chunk of a streamed body go on, replaced by `body` unless that is None."""
    mutation = None if body is None else BodyMutation(body=body)
    return ProcessingResponse(
        request_body=BodyResponse(response=CommonResponse(body_mutation=mutation))
    )


def full_duplex_body(body: bytes, *, end_of_stream: bool) -> Iterable[ProcessingResponse]:
    """Send `body` on in full duplex, in chunks; the last one ends the stream if asked to."""
    starts = range(0, len(body), _CHUNK_BYTES) or (0,)
    for start in starts:
        chunk = StreamedBodyResponse(
            body=body[start : start + _CHUNK_BYTES],
            end_of_stream=end_of_stream and start == starts[-1],
        )
        yield ProcessingResponse(
            request_body=BodyResponse(
                response=CommonResponse(body_mutation=BodyMutation(streamed_response=chunk))
            )
        )


def answer_trailers() -> ProcessingResponse:
    """Let the request's trailers go on."""
    return ProcessingResponse(request_trailers=TrailersResponse())


def answer_response_phase(phase: str) -> ProcessingResponse:
    """Let a part of the upstream's response go on: `response_headers`, `response_body`, ..."""
    match phase:
        case "response_headers":
            return ProcessingResponse(response_headers=HeadersResponse())
        case "response_body":
            return ProcessingResponse(response_body=BodyResponse())
        case _:
            return ProcessingResponse(response_trailers=TrailersResponse())


def answer_at_once(
    status: int, document: bytes, headers: Mapping[str, str] | None = None, *, details: str = ""
) -> ProcessingResponse:
    """Answer the client with a JSON document; nothing goes on. `details` is for Envoy's log."""
    answer = ImmediateResponse(
        status=HttpStatus(code=status),
        body=document,
        details=f"semrouter_{details}" if details else "",
    )
    _set(answer.headers, {"content-type": "application/json", **(headers or {})})
    return ProcessingResponse(immediate_response=answer)


def _change_headers(
    common: CommonResponse, headers: Mapping[str, str], remove: Sequence[str] = ()
) -> None:
    _set(common.header_mutation, headers)
    common.header_mutation.remove_headers.extend(remove)
    # Envoy ignores this without a header mutation, and counts that as a fault.
    common.clear_route_cache = True


def _set(mutation: HeaderMutation, headers: Mapping[str, str]) -> None:
    mutation.MergeFromString(b"".join([_header(*each) for each in headers.items()]))


# Few values make up nearly all headers, and what is written already costs a fourth.
@lru_cache(maxsize=4096)
def _header(key: str, value: str) -> bytes:
    """Return a mutation that sets one header, in the wire's form, where several add up."""
    mutation = HeaderMutation()
    option = mutation.set_headers.add()
    option.append_action = OVERWRITE_IF_EXISTS_OR_ADD
    option.header.key = key
    # `value` would arrive as an empty header.
    option.header.raw_value = value.encode()
    return mutation.SerializeToString()
