"""The real Envoy between a router that only plays one and two servers with canned answers."""

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any

from semrouter_extproc.config import Config, parse
from semrouter_extproc.envoy.launcher import EnvoyProcess
from support.canned_upstream import CannedUpstream
from support.client import Answer, send
from support.ports import free_port
from support.stub_router import StubRouter

MAX_BODY = 1024 * 1024
PLAIN, THINKER = "plain", "Org/Thinker-2.5:x+y"


@dataclass(frozen=True)
class Scene:
    config: Config
    envoy: EnvoyProcess
    router: StubRouter
    plain: CannedUpstream
    thinker: CannedUpstream

    def send(
        self,
        body: bytes,
        path: str = "/v1/chat/completions",
        method: str = "POST",
        **headers: str,
    ) -> Answer:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return send(self.config.envoy.listen, body, method=method, path=path, headers=names)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self.config.envoy.listen.reachable, timeout=20)

    def ask(self, model: str = PLAIN, **members: object) -> Answer:
        return self.send(json.dumps({"model": model, **members}).encode())

    def logged(self, request_id: str) -> dict[str, Any]:
        """Wait for the line of one request in the access log."""
        give_up = time.monotonic() + 10
        while time.monotonic() < give_up:
            for line in self.envoy.access_log.read_text().splitlines(keepends=True):
                if request_id in line and line.endswith("\n"):
                    return dict(json.loads(line))
            time.sleep(0.05)
        raise AssertionError(f"{request_id} is not in the access log")


def scene_config(router: str, plain: str, thinker: str, **envoy: object) -> Config:
    document = {
        "models": {
            PLAIN: {"dialect": "none", "endpoints": [plain]},
            THINKER: {"dialect": "qwen3", "endpoints": [thinker]},
        },
        "default": {"model": PLAIN},
        "server": {"max_body": MAX_BODY},
        "envoy": {
            "listen": f"127.0.0.1:{free_port()}",
            "admin": f"127.0.0.1:{free_port()}",
            "router": [router],
            "message_timeout": "10s",
            **envoy,
        },
    }
    return parse(document, source="the test's configuration")


def chat_body(size: int) -> bytes:
    """Return a request of `size` bytes to the plain model."""
    head = b'{"model":"plain","text":"'
    return head + b"x" * (size - len(head) - 2) + b'"}'
