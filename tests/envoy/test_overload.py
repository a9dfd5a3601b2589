"""What Envoy does with more requests than the routers may have at a time."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from semrouter_extproc.config import Address
from semrouter_extproc.envoy.bootstrap import render
from semrouter_extproc.envoy.launcher import EnvoyProcess
from semrouter_extproc.workbench.loopback import get, serving
from support.canned_upstream import CannedUpstream
from support.client import Answer, send
from support.scene import chat_body, scene_config

PATIENCE = 4.0
STREAMS = 3


@pytest.fixture
def silent_router() -> Iterator[str]:
    """Accepts connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("fail_open", [True, False])
def test_requests_beyond_what_a_router_may_have_are_answered_at_once(
    silent_router: str, tmp_path: Path, *, fail_open: bool
) -> None:
    with serving(CannedUpstream()) as upstream:
        config = scene_config(
            silent_router,
            upstream.address,
            upstream.address,
            message_timeout=f"{PATIENCE}s",
            fail_open=fail_open,
            max_streams=STREAMS,
        )
        with (
            EnvoyProcess(render(config), tmp_path) as envoy,
            ThreadPoolExecutor(STREAMS) as callers,
        ):
            for _ in range(STREAMS):
                callers.submit(_ask, config.envoy.listen)
            _await_streams(envoy.admin)

            began = time.monotonic()
            answer = _ask(config.envoy.listen)
            took = time.monotonic() - began

            assert answer.status == (200 if fail_open else 503)
            assert took < PATIENCE / 2


def _ask(envoy: Address) -> Answer:
    body = chat_body(100)
    return send(envoy, body, method="POST", path="/v1/chat/completions", headers={})


def _await_streams(admin: Address) -> None:
    give_up = time.monotonic() + PATIENCE
    wanted = f"cluster.semrouter.upstream_rq_active: {STREAMS}"
    while wanted not in get(admin, "/stats?filter=upstream_rq_active"):
        assert time.monotonic() < give_up
        time.sleep(0.02)
