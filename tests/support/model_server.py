"""A model's server that answers as a test wants, be it nonsense."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from semrouter_extproc.config import Address

Answering = Callable[[Any], tuple[int, Any]]
"""From a request's document, None for the list of models, to a status and a document."""


class ModelServer(ThreadingHTTPServer):
    """A model's server that answers as told; `arrived` are headers and documents."""

    daemon_threads = True

    def __init__(self, answering: Answering) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answering = answering
        self.arrived: list[tuple[dict[str, str], Any]] = []

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self.server_port)

    @property
    def asked(self) -> list[Any]:
        """Every question that arrived."""
        return [document for _, document in self.arrived if document is not None]


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer

    def do_GET(self) -> None:
        assert self.path == "/v1/models"
        self._answer(None)

    def do_POST(self) -> None:
        assert self.path == "/v1/chat/completions"
        self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Keep the tests' output clean."""

    def _answer(self, asked: Any) -> None:
        self.server.arrived.append((dict(self.headers.items()), asked))
        status, document = self.server.answering(asked)
        self.send_response(status)
        with contextlib.suppress(BrokenPipeError):  # a late answer finds nobody waiting
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())


@contextmanager
def babbling(*pieces: bytes, gap: float = 0, hold: bool = False) -> Iterator[Address]:
    """Answer one connection with these bytes, `gap` seconds apart; `hold` then keeps it open."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def babble() -> None:
            connection, _ = listener.accept()
            # Who asks may have heard enough before the end.
            with connection, suppress(OSError):
                for piece in pieces:
                    connection.sendall(piece)
                    done.wait(gap)
                if hold:
                    done.wait(20)
                connection.shutdown(socket.SHUT_WR)
                # To close with something unread would reset the connection.
                while connection.recv(65536):
                    pass

        thread = threading.Thread(target=babble, daemon=True)
        thread.start()
        yield Address(*listener.getsockname())
        done.set()
        thread.join()
