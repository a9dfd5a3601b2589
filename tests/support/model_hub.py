"""A hub of models with one in it, as far as fetching it goes."""

import json
from collections.abc import Iterable
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

MODEL: Final = "some/model"

_COMMIT: Final = "0" * 40


class ModelHub(ThreadingHTTPServer):
    """Holds `files` for `MODEL`, each with a byte in it; `fetched` are those asked for."""

    daemon_threads = True

    def __init__(self, files: Iterable[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = tuple(files)
        self.fetched: set[str] = set()

    def serve_forever(self, poll_interval: float = 0.02) -> None:
        """Notice sooner than the base does that a test is over."""
        super().serve_forever(poll_interval)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: ModelHub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        _, about, file = self.path.partition(f"/{MODEL}/resolve/{_COMMIT}/")
        if about:
            self.server.fetched.add(file)
            self._answer(b"x", sha1(file.encode(), usedforsecurity=False).hexdigest())
        elif "/tree/" in self.path:
            entries = [{"path": name, "size": 1, "oid": _COMMIT} for name in self.server.files]
            self._answer(json.dumps([{"type": "file", **each} for each in entries]).encode())
        else:
            siblings = [{"rfilename": name} for name in self.server.files]
            about_model = {"id": MODEL, "sha": _COMMIT, "siblings": siblings}
            self._answer(json.dumps(about_model).encode())

    def _answer(self, body: bytes, tag: str = _COMMIT) -> None:
        self.send_response(200)
        self.send_header("X-Repo-Commit", _COMMIT)
        self.send_header("ETag", f'"{tag}"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""
