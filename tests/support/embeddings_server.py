"""A server of `/v1/embeddings` that answers as a test wants, be it nonsense."""

import base64
import json
import time
from collections.abc import Callable, Iterable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

Answering = Callable[[Any], tuple[int, bytes]]
"""From a request's document to a status and the bytes of the answer."""


class EmbeddingsServer(ThreadingHTTPServer):
    """Answers as told; `arrived` are headers and documents, `connections` are counted.

    `hangs_up` makes it close every connection after the answer, without a word before.
    `pause` is the time in seconds that it takes to answer.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answering: Answering = lambda asked: embeddings(lengths(asked["input"]))
        self.arrived: list[tuple[dict[str, str], Any]] = []
        self.connections = 0
        self.hangs_up = False
        self.pause = 0.0

    def serve_forever(self, poll_interval: float = 0.02) -> None:
        """Notice sooner than the base does that a test is over."""
        super().serve_forever(poll_interval)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


def lengths(texts: Iterable[str]) -> list[list[float]]:
    """Give every text a vector that tells how long it is."""
    return [[1.0, float(len(text))] for text in texts]


def embeddings(vectors: Iterable[Sequence[float]]) -> tuple[int, bytes]:
    """Answer with these vectors in base64."""
    return listing(enumerate(base64_of(vector) for vector in vectors))


def base64_of(vector: Sequence[float]) -> str:
    return base64.b64encode(np.array(vector, "<f4").tobytes()).decode()


def listing(numbered: Iterable[tuple[int, Any]]) -> tuple[int, bytes]:
    """Answer with these embeddings, each with its index, written as they are."""
    data = [
        {"object": "embedding", "index": index, "embedding": embedding}
        for index, embedding in numbered
    ]
    return 200, json.dumps({"object": "list", "data": data, "model": "small"}).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: EmbeddingsServer

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        assert self.path == "/v1/embeddings"
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.arrived.append((dict(self.headers.items()), asked))
        status, content = self.server.answering(asked)
        time.sleep(self.server.pause)
        self._answer(status, content)
        self.close_connection = self.server.hangs_up

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Keep the tests' output clean."""

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        if status == 307:
            self.send_header("location", self.server.url)
        self.send_header("content-length", str(len(content)))
        # A late answer may find nobody waiting.
        try:
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True
