"""A model's server with canned answers, chosen by the path of the request."""

import json
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

EVENT_GAP_SECONDS: Final = 0.2

CHAT_EVENTS: Final = (
    {"choices": [{"delta": {"content": "4"}}], "usage": None},
    {"choices": [{"delta": {"content": "2"}}], "usage": None},
    {"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 22}},
)
# The last event repeats the answer, and so outgrows most buffers.
RESPONSE_EVENTS: Final = (
    {"response": {"usage": None}},
    {
        "response": {
            "output": "x" * 200_000,
            "usage": {"input_tokens": 33, "output_tokens": 44},
        }
    },
)
MESSAGE_EVENTS: Final = (
    {"message": {"usage": {"input_tokens": 55, "output_tokens": 1}}},
    {"usage": {"output_tokens": 66}},
)
STREAMS: Final[Mapping[str, tuple[object, ...]]] = {
    "/v1/chat/completions": CHAT_EVENTS,
    "/v1/responses": RESPONSE_EVENTS,
    "/v1/messages": MESSAGE_EVENTS,
}


class CannedUpstream(ThreadingHTTPServer):
    """Remembers path, headers and body of each request in `arrived`.

    The body member `stream` selects events with usage, `answer_bytes` a long JSON answer. A
    websocket handshake is accepted, and what follows is echoed.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.arrived: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def last_request_id(self) -> str:
        """How the access log names the last request."""
        return self.arrived[-1][1]["x-request-id"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: CannedUpstream

    def do_GET(self) -> None:
        if self.path == "/health":
            return self._json({})
        self._remember(b"")
        if self.headers.get("upgrade") == "websocket":
            return self._echo()
        return self._json({"method": "GET"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self._remember(body)
        wish = json.loads(body) if body.startswith(b"{") else {}
        if wish.get("stream"):
            return self._events(STREAMS[self.path])
        usage = {"prompt_tokens": 7, "completion_tokens": 9}
        return self._json({"usage": usage, "text": "x" * wish.get("answer_bytes", 0)})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Keep the tests' output clean."""

    def _remember(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.arrived.append((self.path, headers, body))

    def _json(self, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _events(self, events: tuple[object, ...]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for event in events:
            data = b"data: %s\n\n" % json.dumps(event).encode()
            # An event may come in parts, the longer the likelier.
            self.wfile.write(data[:-10])
            time.sleep(EVENT_GAP_SECONDS / 2)
            self.wfile.write(data[-10:])
            time.sleep(EVENT_GAP_SECONDS / 2)
        self.wfile.write(b"data: [DONE]\n\n")

    def _echo(self) -> None:
        self.send_response(101)
        self.send_header("connection", "upgrade")
        self.send_header("upgrade", "websocket")
        self.end_headers()
        self.wfile.write(self.rfile.readline())
        self.close_connection = True
