"""One URL that takes POSTs, over connections that stay open.

Of the standard library, whose client needs a quarter of the CPU time of httpx: Python spends it
under the lock that the event loop waits for.
"""

import ssl
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

_MOST_BYTES: Final = 16 * 1024 * 1024
_AT_ONCE: Final = 64 * 1024


class HttpEndpoint:
    """POSTs to `url`, which may be https, with these headers; any number of threads may.

    No proxy is asked, and no redirect followed. Certificates are checked against those that the
    system trusts, or those that the variable SSL_CERT_FILE names.

    Raises `ValueError` for a URL that is none.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is no http:// or https:// address")
        self._open = partial(HTTPConnection, parts.hostname, parts.port)
        if parts.scheme == "https":
            context = ssl.create_default_context()
            self._open = partial(HTTPSConnection, parts.hostname, parts.port, context=context)
        self._path = parts.path
        self._headers = dict(headers)
        self._idle: deque[HTTPConnection] = deque()

    def post(self, body: bytes, seconds: float) -> tuple[int, bytes]:
        """Return the status and the body of the answer.

        Raises `HTTPException` for what is no HTTP, and `OSError`, which is `TimeoutError` after
        `seconds`: without the time to resolve the server's name, and for every piece of the
        answer's head, should it come in pieces, once more.
        """
        give_up = monotonic() + seconds
        for kept in self._kept():
            # A server may close what lies idle at any time. It has not read the request then.
            with suppress(ConnectionError, ssl.SSLEOFError):
                return self._exchange(kept, body, give_up)
        return self._exchange(self._open(), body, give_up)

    def close(self) -> None:
        """Close the connections that lie idle."""
        for connection in self._kept():
            connection.close()

    def _kept(self) -> Iterator[HTTPConnection]:
        """Take one idle connection after the other, the last used first."""
        with suppress(IndexError):
            while True:
                yield self._idle.pop()

    def _exchange(
        self, connection: HTTPConnection, body: bytes, give_up: float
    ) -> tuple[int, bytes]:
        try:
            answer = self._ask(connection, body, give_up)
        except BaseException:
            connection.close()
            raise
        if connection.sock is not None:
            self._idle.append(connection)
        return answer

    def _ask(self, connection: HTTPConnection, body: bytes, give_up: float) -> tuple[int, bytes]:
        if connection.sock is None:
            connection.timeout = _left(give_up)
            connection.connect()
        # Kept here: the connection lets go of it when the server announces to close it.
        socket = connection.sock
        socket.settimeout(_left(give_up))
        connection.request("POST", self._path, body, self._headers)
        socket.settimeout(_left(give_up))
        received = bytearray()
        with connection.getresponse() as response:
            while piece := response.read1(_AT_ONCE):
                received += piece
                if len(received) > _MOST_BYTES:
                    raise HTTPException(f"an answer of more than {_MOST_BYTES >> 20} MiB")
                socket.settimeout(_left(give_up))
        return response.status, bytes(received)


def _left(give_up: float) -> float:
    seconds = give_up - monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
