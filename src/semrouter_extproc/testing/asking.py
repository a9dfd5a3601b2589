"""A client whose request can be held up at any moment, and who notices all that goes wrong."""

import http.client
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from semrouter_extproc.config import Address

_PATIENCE: Final = 60.0
_FIRST_BYTES: Final = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client saw, headers in lower case.

    `status` is 0 where the connection ended without an answer. `is_whole` says that the body came
    to its end. `seconds` passed between the end of the request and the head of the answer, if the
    answer did not come before.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool
    seconds: float


class Question:
    """One request over a connection of its own: its head, half of its body, the rest."""

    def __init__(
        self,
        address: Address,
        body: bytes,
        *,
        path: str = "/v1/chat/completions",
        headers: Mapping[str, str] | None = None,
        patience: float = _PATIENCE,
    ) -> None:
        self.body = body
        self._path = path
        self._headers = {"content-type": "application/json", **(headers or {})}
        self._connection = http.client.HTTPConnection(*address.reachable, timeout=patience)
        self._sent = 0
        self._sent_at = self._answered_at = time.monotonic()
        self._response: http.client.HTTPResponse | None = None
        self._read = b""

    def __enter__(self) -> Self:
        """Send nothing yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Hang up."""
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def send_head(self) -> None:
        """Send the headers."""
        self._connection.putrequest("POST", self._path)
        for name, value in self._headers.items():
            self._connection.putheader(name, value)
        self._connection.putheader("content-length", str(len(self.body)))
        self._connection.endheaders()

    def send_half(self) -> None:
        """Send the first half of the body."""
        self._send(len(self.body) // 2)

    def send_rest(self) -> None:
        """Send what was not sent yet of the body."""
        self._send(len(self.body) - self._sent)

    def send(self) -> None:
        """Send everything."""
        self.send_head()
        self.send_rest()

    def _send(self, count: int) -> None:
        # Whoever is refused half-way has an answer to read all the same.
        with suppress(OSError):
            self._connection.send(self.body[self._sent : self._sent + count])
        self._sent += count
        self._sent_at = time.monotonic()

    def await_answer(self) -> None:
        """Wait until the answer has begun."""
        with suppress(OSError, http.client.HTTPException):
            self._response = self._connection.getresponse()
            self._answered_at = time.monotonic()
            self._read = self._response.read(_FIRST_BYTES)

    def answer(self) -> Answer:
        """Read the answer to its end, wherever that is."""
        if self._response is None:
            self.await_answer()
        if self._response is None:
            waited = time.monotonic() - self._sent_at
            return Answer(0, {}, b"", is_whole=False, seconds=waited)
        headers = {name.lower(): value for name, value in self._response.getheaders()}
        is_whole = True
        try:
            rest = self._response.read()
        except http.client.IncompleteRead as cut:
            rest, is_whole = cut.partial, False
        except OSError:
            rest, is_whole = b"", False
        seconds = max(self._answered_at - self._sent_at, 0.0)
        return Answer(self._response.status, headers, self._read + rest, is_whole, seconds)
