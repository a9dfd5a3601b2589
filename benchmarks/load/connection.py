"""HTTP/1.1 by hand: one request at a time over a connection that stays open."""

import asyncio
import re
from collections.abc import Callable
from time import perf_counter
from typing import Final, NamedTuple, cast

_REASON: Final = re.compile(rb"\r\nx-semrouter-reason: ([a-z_]+)")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)")
_STATUS: Final = slice(len("HTTP/1.1 "), len("HTTP/1.1 200"))


class Answer(NamedTuple):
    """An answer: when its request was due, when it was complete, its status, the router's word.

    Status 0 is a connection that broke.
    """

    due: float
    at: float
    status: int
    reason: str


class Connection(asyncio.Protocol):
    """One connection, made by `loop.create_connection`; every answer goes to `on_answer`.

    Plain callbacks: tasks and futures would cost the generator as much as all else it does.
    """

    def __init__(self, on_answer: Callable[["Connection", Answer], None]) -> None:
        self._on_answer = on_answer
        self._received = bytearray()
        self._due: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what requests are written to."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def ask(self, request: bytes, due: float) -> None:
        """Send a request."""
        self._received.clear()
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Collect the answer until it is whole."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if end and len(body) >= _length(head):
            reason = _REASON.search(head)
            self._finish(int(head[_STATUS]), reason[1].decode() if reason else "")

    def connection_lost(self, _: Exception | None) -> None:
        """Give up what was asked."""
        self._finish(0, "")

    def _finish(self, status: int, reason: str) -> None:
        if self._due is not None:
            answer = Answer(self._due, perf_counter(), status, reason)
            self._due = None
            self._on_answer(self, answer)


def _length(head: bytearray) -> int:
    found = _LENGTH.search(head)
    return int(found[1]) if found else 0


def post(host: str, body: bytes) -> bytes:
    """Return the bytes of a chat completion's request."""
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
