"""Models that answer with what they would have seen: the prompt as vLLM renders it."""

import http.client
import json
from contextlib import closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from semrouter_extproc.config import Address
from semrouter_extproc.core import apis

CHAT: Final = apis.CHAT_COMPLETIONS.path
COMPLETIONS: Final = apis.COMPLETIONS.path
RESPONSES: Final = apis.RESPONSES.path
MESSAGES: Final = apis.MESSAGES.path


@dataclass(frozen=True)
class Rendered:
    """A request's bytes and what vLLM makes of them.

    `token_ids` and `text` are the prompt, both empty unless `status` is 200; `document` is
    vLLM's answer.
    """

    path: str
    body: bytes
    status: int
    document: Any
    token_ids: tuple[int, ...] = ()
    text: str = ""


def render(vllm: Address, path: str, body: bytes) -> Rendered:
    """Ask a running `serve_templates.py` what its server of the body's model makes of a body."""
    model = json.loads(body)["model"]
    status, document = _ask(vllm, f"/{model}{path}/render", body)
    if status != http.HTTPStatus.OK:
        return Rendered(path, body, status, document)
    # Completions may hold several prompts, and their answer is a list.
    (prompt,) = document if path == COMPLETIONS else [document]
    token_ids = prompt["token_ids"]
    question = json.dumps({"model": model, "tokens": token_ids}).encode()
    text = _ask(vllm, f"/{model}/detokenize", question)[1]["prompt"]
    return Rendered(path, body, status, document, tuple(token_ids), text)


def _ask(vllm: Address, path: str, body: bytes) -> tuple[int, Any]:
    with closing(http.client.HTTPConnection(*vllm, timeout=60)) as connection:
        connection.request("POST", path, body, {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())


class RenderingUpstream(ThreadingHTTPServer):
    """The server of every model whose name is that of a chat template.

    It asks vLLM's render endpoint with the bytes that arrived, answers as that does, and
    remembers both in `rendered`.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, vllm: Address) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.rendered: list[Rendered] = []
        self._vllm = vllm

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def last(self) -> Rendered:
        """What became of the request that arrived last."""
        return self.rendered[-1]

    def render(self, path: str, body: bytes) -> Rendered:
        """Return what vLLM makes of a body, as if it had arrived at `path`."""
        return render(self._vllm, path, body)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RenderingUpstream

    def do_GET(self) -> None:
        """Report good health, and nothing else."""
        self._answer(200, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        rendered = self.server.render(self.path, body)
        self.server.rendered.append(rendered)
        self._answer(rendered.status, rendered.document)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Keep the tests' output clean."""

    def _answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
