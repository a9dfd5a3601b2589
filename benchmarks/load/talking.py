"""A model's server that counts what it is asked and streams, and listeners for its streams."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Final, NamedTuple

from load.traffic import Questions

from semrouter_extproc.config import Address

_EVENTS: Final = 50
_EVENT_SECONDS: Final = 0.05
_LAST: Final = b"data: [DONE]\n\n"
_PATIENCE: Final = 30.0


class Stream(NamedTuple):
    """What became of one stream: whether it came to its end, and the router's word about it."""

    is_whole: bool
    reason: str


class TalkingUpstream(ThreadingHTTPServer):
    """Answers at once, or in 50 events of 50 ms where a stream is asked for."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address = Address("127.0.0.1", self.server_port)
        # Appending is atomic, adding to a number is not.
        self.asked: list[bytes] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A head and a body that are sent apart wait for each other's acknowledgement.
    wbufsize = -1
    server: TalkingUpstream

    def do_GET(self) -> None:
        """Be healthy."""
        self._answer({})

    def do_POST(self) -> None:
        """Answer a chat completion."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append(body)
        if json.loads(body).get("stream"):
            self._stream()
        else:
            self._answer({"choices": [{"message": {"role": "assistant", "content": "42"}}]})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""

    def _answer(self, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(http.HTTPStatus.OK)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(http.HTTPStatus.OK)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for number in range(_EVENTS):
            self.wfile.write(b'data: {"choices": [{"delta": {"content": "%d "}}]}\n\n' % number)
            self.wfile.flush()
            time.sleep(_EVENT_SECONDS)
        self.wfile.write(_LAST)


@contextmanager
def listening(number: int, front: Address, questions: Questions) -> Iterator[list[Stream]]:
    """Let so many clients take one stream after the other; at the end the list has them all."""
    heard: list[Stream] = []
    numbers = count()
    over = threading.Event()

    def listen() -> None:
        while not over.is_set():
            heard.append(_stream(front, questions.body(next(numbers))))

    with ThreadPoolExecutor(number) as pool:
        listeners = [pool.submit(listen) for _ in range(number)]
        try:
            yield heard
        finally:
            over.set()
    for listener in listeners:
        listener.result()


def _stream(front: Address, question: bytes) -> Stream:
    body = json.dumps(json.loads(question) | {"stream": True})
    headers = {"content-type": "application/json"}
    with closing(http.client.HTTPConnection(*front.reachable, timeout=_PATIENCE)) as connection:
        try:
            connection.request("POST", "/v1/chat/completions", body, headers)
            response = connection.getresponse()
            events = response.read()
        except (OSError, http.client.HTTPException):
            return Stream(is_whole=False, reason="")
    is_whole = events.count(b"data: ") == _EVENTS + 1 and events.endswith(_LAST)
    return Stream(is_whole, response.getheader("x-semrouter-reason") or "")
