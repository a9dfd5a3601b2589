"""A word of the clients', sent in every place there is, and looked for everywhere afterwards."""

import json
import resource
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from semrouter_extproc.workbench.loopback import serving
from support.canned_upstream import CannedUpstream
from support.client import send
from support.collector import running_collector
from support.eventually import eventually
from support.front import running_page
from support.stack import MATH, chat_body

CANARY: Final = "Zanzibar4711"
CHAT: Final = "/v1/chat/completions"


def bodies() -> Iterator[bytes]:
    """Yield requests that are routed, pinned, refused and broken, the canary in each."""
    yield chat_body(f"{MATH} {CANARY}")
    yield chat_body(f"{MATH} {CANARY}", user=CANARY, metadata={CANARY: CANARY}, top_p=float("nan"))
    yield json.dumps({"model": CANARY, "messages": [{"role": "user", "content": CANARY}]}).encode()
    yield json.dumps({"model": "auto", "messages": CANARY}).encode()
    yield json.dumps({"model": "auto", "messages": [{"role": CANARY, "content": 1}]}).encode()
    yield b'{"model": "auto", "messages": [{"role": "user", "content": "%s' % CANARY.encode()
    yield f"{CANARY} is no JSON".encode()
    yield CANARY.encode("utf-16")


@pytest.fixture
def traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Everything that a router, its observers and Envoy say about such requests."""
    monkeypatch.setenv("GRPC_VERBOSITY", "DEBUG")
    monkeypatch.setenv("SEMROUTER_TOKEN", CANARY)
    with ExitStack() as stack:
        model = stack.enter_context(serving(CannedUpstream()))
        collector = stack.enter_context(running_collector())
        page = {
            "models": {"qwen3": {"dialect": "qwen3", "endpoints": [model.address]}},
            "default": {"model": "qwen3", "reasoning": "off"},
            "log": {"decisions": 1},
            "tracing": {"collector": collector.address, "share": 1},
            "recorder": {"folder": str(tmp_path / "recorded"), "share": 1},
            "server": {"admin_token_env": "SEMROUTER_TOKEN", "drain_delay": "0s"},
        }
        config, router = stack.enter_context(running_page(page, tmp_path))
        for body in bodies():
            send(
                config.envoy.listen,
                body,
                method="POST",
                path=f"{CHAT}?key={CANARY}",
                headers={
                    "authorization": f"Bearer {CANARY}",
                    "cookie": CANARY,
                    "x-reasoning": CANARY,
                    "x-semrouter-model": CANARY,
                    "baggage": f"user={CANARY}",
                },
            )
        _, metrics = router.get("/metrics")
        status, _ = router.get("/config")
        assert status == 401
        assert eventually(lambda: len(collector.of("semrouter")) == 8, seconds=20)
        assert eventually(lambda: (tmp_path / "access.log").read_text().count("\n") >= 8)
        router.terminate()
        router.wait()
        assert eventually(lambda: len(collector.of("envoy")) >= 8, seconds=20)
        spans = "\n".join(str(told.span) for told in collector.told)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {"router.log", "access.log"} <= {file.name for file in files}
    assert any(file.parent.name == "recorded" for file in files)
    return "\n".join([metrics, spans, *(file.read_text(errors="replace") for file in files)])


def test_no_word_of_a_client_is_found_anywhere(traces: str) -> None:
    assert "semrouter_requests_total" in traces
    assert traces.count('"event": "decided"') >= 5
    assert CANARY not in traces
    assert CANARY.encode("utf-16-le").decode("latin-1") not in traces


def test_no_core_is_dumped(tmp_path: Path) -> None:
    page = {
        "models": {"qwen3": {"dialect": "qwen3", "endpoints": ["127.0.0.1:1"]}},
        "default": {"model": "qwen3"},
    }
    with running_page(page, tmp_path) as (_, router):
        limits = resource.prlimit(router.process.pid, resource.RLIMIT_CORE)

    assert limits == (0, 0)
