"""Callers who each wait for an answer before they ask again, over gRPC as Envoy speaks it."""

import asyncio
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final

import grpc
import msgspec

from semrouter_extproc.config import Address
from semrouter_extproc.extproc._pb.ext_proc_pb2 import (
    BUFFERED,
    HeaderMap,
    HeaderValue,
    HttpBody,
    HttpHeaders,
    ProcessingRequest,
    ProcessingResponse,
    ProtocolConfiguration,
)
from semrouter_extproc.extproc.service import SERVICE

_FIELDS: Final = {
    ":method": b"POST",
    ":path": b"/v1/chat/completions",
    "content-type": b"application/json",
}
_HEADERS: Final = ProcessingRequest(
    request_headers=HttpHeaders(
        headers=HeaderMap(
            headers=[HeaderValue(key=key, raw_value=value) for key, value in _FIELDS.items()]
        )
    ),
    protocol_config=ProtocolConfiguration(request_body_mode=BUFFERED),
)


@dataclass(slots=True)
class Heard:
    """What callers heard: seconds until each answer, and the category by the prompt's number."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    categories: dict[int, str] = field(default_factory=dict)


async def ask(
    address: Address,
    texts: Sequence[str],
    numbers: Iterator[int],
    *,
    callers: int,
    seconds: float = math.inf,
) -> Heard:
    """Let callers ask the texts with these numbers, for so many seconds at most.

    Numbers past the end begin again at the first text.
    """
    heard = Heard()
    async with grpc.aio.insecure_channel(str(address)) as channel:
        process = channel.stream_stream(
            f"/{SERVICE}/Process",
            request_serializer=ProcessingRequest.SerializeToString,
            response_deserializer=ProcessingResponse.FromString,
        )
        began = perf_counter()

        async def one_caller() -> None:
            while (asked := perf_counter()) < began + seconds:
                number = next(numbers, None)
                if number is None:
                    return
                heard.categories[number] = await _category(process, texts[number % len(texts)])
                heard.latencies.append(perf_counter() - asked)

        await asyncio.gather(*(one_caller() for _ in range(callers)))
        heard.seconds = perf_counter() - began
    return heard


async def _category(process: Any, text: str) -> str:  # noqa: ANN401 - gRPC's, without types
    """Send one request and return the category that the answer names, "" for none."""
    message = {"role": "user", "content": text}
    body = msgspec.json.encode({"model": "auto", "messages": [message]})
    call = process()
    await call.write(_HEADERS)
    await call.read()
    await call.write(ProcessingRequest(request_body=HttpBody(body=body, end_of_stream=True)))
    answer = await call.read()
    await call.done_writing()
    mutation = answer.request_body.response.header_mutation
    headers: dict[str, bytes] = {
        option.header.key: option.header.raw_value for option in mutation.set_headers
    }
    return headers.get("x-semrouter-category", b"").decode()
