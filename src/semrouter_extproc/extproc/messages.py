"""Builds every message that goes to Envoy; nothing else touches protobuf's constructors."""

from collections.abc import Iterable, Mapping, Sequence

from semrouter_extproc.extproc._pb.ext_proc_pb2 import (
    OVERWRITE_IF_EXISTS_OR_ADD,
    BodyMutation,
    BodyResponse,
    CommonResponse,
    HeaderMutation,
    HeadersResponse,
    HeaderValue,
    HeaderValueOption,
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
    return ProcessingResponse(request_headers=HeadersResponse(response=_common(headers, remove)))


def answer_body(headers: Mapping[str, str], body: bytes | None) -> ProcessingResponse:
    """Let headers and body go on, with `headers` set and the body replaced unless it is None."""
    if body is None:
        common = _common(headers, ())
    else:
        # Envoy answers 500 where a buffered body and its length disagree.
        common = _common({**headers, "content-length": str(len(body))}, ())
        common.body_mutation.body = body
    return ProcessingResponse(request_body=BodyResponse(response=common))


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
    return ProcessingResponse(
        immediate_response=ImmediateResponse(
            status=HttpStatus(code=status),
            headers=_mutation({"content-type": "application/json", **(headers or {})}, ()),
            body=document,
            details=f"semrouter_{details}" if details else "",
        )
    )


def _common(headers: Mapping[str, str] | None, remove: Sequence[str]) -> CommonResponse:
    if not headers and not remove:
        return CommonResponse()
    return CommonResponse(
        header_mutation=_mutation(headers or {}, remove),
        # Envoy ignores this without a header mutation, and counts that as a fault.
        clear_route_cache=True,
    )


def _mutation(headers: Mapping[str, str], remove: Sequence[str]) -> HeaderMutation:
    return HeaderMutation(
        set_headers=[
            HeaderValueOption(
                # `value` would arrive as an empty header.
                header=HeaderValue(key=key, raw_value=value.encode()),
                append_action=OVERWRITE_IF_EXISTS_OR_ADD,
            )
            for key, value in headers.items()
        ],
        remove_headers=remove,
    )
