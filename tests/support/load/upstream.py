"""A model's server that costs little and counts: `python upstream.py PORT`.

It answers at once, or where a stream is asked for in 16 events of 0.1 seconds. `GET /counts` says
how many requests came, and what became of the streams.
"""

import asyncio
import json
import re
import sys
from collections import Counter
from typing import Final, cast

import uvloop

EVENTS: Final = 16
_EVENT_SECONDS: Final = 0.1
_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_STREAM: Final = re.compile(rb'"stream": ?true')
_STREAM_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
_LAST: Final = b"0\r\n\r\n"
_COMPLETION: Final = {
    "choices": [{"message": {"role": "assistant", "content": "42"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 67, "completion_tokens": 2},
}


def _json(document: object) -> bytes:
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


_ANSWER: Final = _json(_COMPLETION)
_EVENT: Final = _chunk(b'data: {"choices": [{"delta": {"content": "4 "}}]}\n\n')
_DONE: Final = _chunk(b"data: [DONE]\n\n") + _LAST


class _Connection(asyncio.Protocol):
    """Envoy asks one thing after the other."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._received = bytearray()
        self._left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, _: Exception | None) -> None:
        self._counts["cut"] += self._left > 0
        self._left = 0

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        length = _LENGTH.search(self._received, 0, end)
        whole = end + (int(length[1]) if length else 0)
        if len(self._received) >= whole:
            self._answer(bytes(self._received[:whole]))
            del self._received[:whole]

    def _answer(self, request: bytes) -> None:
        if request.startswith(b"GET /counts"):
            self._transport.write(_json(self._counts))
        elif request.startswith(b"GET"):
            self._transport.write(_json({}))
        elif _STREAM.search(request):
            self._counts["streams"] += 1
            self._left = EVENTS
            self._transport.write(_STREAM_HEAD)
            self._tell()
        else:
            self._counts["answers"] += 1
            self._transport.write(_ANSWER)

    def _tell(self) -> None:
        if not self._left:
            return
        self._left -= 1
        self._transport.write(_EVENT if self._left else _EVENT + _DONE)
        self._counts["whole"] += not self._left
        asyncio.get_running_loop().call_later(_EVENT_SECONDS, self._tell)


async def _serve(port: int) -> None:
    counts: Counter[str] = Counter(answers=0, streams=0, whole=0, cut=0)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Connection(counts), "127.0.0.1", port, backlog=4096, reuse_address=True
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
