"""One server of a model, asked directly and not through Envoy."""

import time
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Final

from semrouter_extproc.config import Address
from semrouter_extproc.core.apis import CHAT_COMPLETIONS
from semrouter_extproc.workbench.doctor.questions import Question
from semrouter_extproc.workbench.doctor.replies import (
    Nonsense,
    Refusal,
    Reply,
    Silence,
    read_names,
    read_reply,
)

_MOST_BYTES: Final = 4 * 1024 * 1024
_AT_ONCE: Final = 64 * 1024
_LIST_SECONDS: Final = 10.0
_UNPROCESSABLE: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)


class Endpoint:
    """A server at `address`, which gets `seconds` for each answer.

    `api_key` is sent as a bearer token where there is one.
    """

    def __init__(self, address: Address, *, seconds: float, api_key: str | None = None) -> None:
        self._address = address
        self._seconds = seconds
        self._headers = {"content-type": "application/json"}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"

    def ask(self, question: Question) -> Reply:
        """Ask; where the server refuses, without what it may refuse only for the doctor."""
        reply = self._asked(question.body)
        if isinstance(reply, Refusal) and reply.status in _UNPROCESSABLE:
            return self._asked(question.plain)
        return reply

    def names(self) -> frozenset[str] | None:
        """Return the names of the models that it serves, None where it does not tell."""
        got = self._exchange("GET", "/v1/models", b"", min(self._seconds, _LIST_SECONDS))
        return read_names(*got) if isinstance(got, tuple) else None

    def _asked(self, body: bytes) -> Reply:
        got = self._exchange("POST", CHAT_COMPLETIONS.path, body, self._seconds)
        return read_reply(*got) if isinstance(got, tuple) else got

    def _exchange(
        self, method: str, path: str, body: bytes, seconds: float
    ) -> tuple[int, bytes] | Silence | Nonsense:
        give_up = time.monotonic() + seconds
        try:
            with closing(HTTPConnection(*self._address, timeout=seconds)) as connection:
                connection.request(method, path, body, self._headers)
                response = connection.getresponse()
                return response.status, _read(response, give_up)
        except _TooMuch:
            return Nonsense(f"an answer of more than {_MOST_BYTES >> 20} MiB")
        except TimeoutError:
            return Silence(f"no answer within {seconds:g} s")
        except OSError as error:
            return Silence((error.strerror or str(error)).lower())
        except (HTTPException, UnicodeError) as error:
            return Nonsense(f"no proper HTTP ({type(error).__name__})")


class _TooMuch(Exception):
    """An answer that no chat completion could be."""


def _read(response: HTTPResponse, give_up: float) -> bytes:
    """Read an answer piece by piece: its server decides neither how long nor for how long."""
    body = bytearray()
    while piece := response.read1(_AT_ONCE):
        body += piece
        if len(body) > _MOST_BYTES:
            raise _TooMuch
        if time.monotonic() > give_up:
            raise TimeoutError
    return bytes(body)
