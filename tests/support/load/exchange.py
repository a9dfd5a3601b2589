"""One request and its answer, as clients of every kind have it.

HTTP is spoken by hand, since a client library would cost more than what is tried.
"""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Final, NamedTuple

from support.load.material import Kind
from support.load.upstream import EVENTS

_REASON: Final = re.compile(rb"\r\nx-semrouter-reason: ([a-z_]+)")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)")
_EVENT: Final = b"data: "
_END: Final = b"data: [DONE]\n\n\r\n0\r\n\r\n"
_PATIENT_SECONDS: Final = 0.05
_TRICKLED_BYTES: Final = 100_000
_TRICKLE_SECONDS: Final = 1.0


class Connection(NamedTuple):
    """Where a request goes, and where its answer comes from."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Exchange:
    """What is known of one request, while it is under way and after.

    `answered_at` is when the head of the answer came; status 0 is none. `is_whole` says that
    the client got all that it waited for, `is_reusable` that the connection can take more.
    """

    def __init__(self, host: str, body: bytes, on_answer: Callable[[], None]) -> None:
        self._host = host
        self._body = body
        self._on_answer = on_answer
        self._length = 0
        self.status = 0
        self.reason = ""
        self.answered_at: float | None = None
        self.is_whole = False
        self.is_reusable = False

    async def have(self, kind: Kind, connection: Connection) -> None:
        """Have it as clients of this kind do; raises `OSError` or `EOFError` if it breaks."""
        await _WAYS.get(kind, Exchange._in_whole)(self, connection)

    async def _in_whole(self, connection: Connection) -> None:
        connection.writer.write(self._head(len(self._body)) + self._body)
        await self._answer(connection.reader)
        if self._length:
            await connection.reader.readexactly(self._length)
        else:
            events = await connection.reader.readuntil(_END)
            if events.count(_EVENT) != EVENTS + 1:
                return
        self.is_whole = self.is_reusable = True

    async def _half(self, connection: Connection) -> None:
        connection.writer.write(self._head(len(self._body)) + self._body)
        await self._answer(connection.reader)
        for _ in range(EVENTS // 2):
            await connection.reader.readuntil(_EVENT)
        self.is_whole = True

    async def _abandoned(self, connection: Connection) -> None:
        connection.writer.write(self._head(len(self._body)) + self._body)
        await connection.writer.drain()
        # At once for some, so that whatever is done for a request is abandoned at every moment.
        await asyncio.sleep(random.uniform(0, _PATIENT_SECONDS))  # noqa: S311
        self.is_whole = True

    async def _trickled(self, connection: Connection) -> None:
        connection.writer.write(self._head(_TRICKLED_BYTES))
        trickling = asyncio.create_task(_trickle(connection.writer))
        try:
            await self._answer(connection.reader)
            await connection.reader.readexactly(self._length)
        finally:
            trickling.cancel()
        self.is_whole = True

    def _head(self, length: int) -> bytes:
        return (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: {self._host}\r\n"
            f"content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        ).encode()

    async def _answer(self, reader: asyncio.StreamReader) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.answered_at = perf_counter()
        self._on_answer()
        self.status = int(head.split(b" ", 2)[1])
        reason, length = _REASON.search(head), _LENGTH.search(head)
        self.reason = reason[1].decode() if reason else ""
        self._length = int(length[1]) if length else 0


_WAYS: Final[Mapping[Kind, Callable[[Exchange, Connection], Awaitable[None]]]] = {
    Kind.HANG_UP: Exchange._half,
    Kind.ABANDON: Exchange._abandoned,
    Kind.TRICKLE: Exchange._trickled,
}


async def _trickle(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b" ")
        await asyncio.sleep(_TRICKLE_SECONDS)
