"""Where the generated bootstrap makes the real Envoy send requests, and with which headers."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from semrouter_extproc.envoy.bootstrap import render
from semrouter_extproc.envoy.launcher import EnvoyProcess
from support.ports import free_port
from support.scene import PLAIN, THINKER, Scene, chat_body, scene_config
from support.stub_router import StubRouter


@contextmanager
def _broken(router: StubRouter) -> Iterator[None]:
    router.broken = True
    try:
        yield
    finally:
        router.broken = False


def test_the_model_header_selects_the_models_cluster(scene: Scene) -> None:
    scene.ask(THINKER)

    assert scene.plain.arrived == []
    ((_, headers, body),) = scene.thinker.arrived
    assert headers["x-semrouter-model"] == THINKER
    assert json.loads(body)["added"] == "by the router"


def test_the_client_reads_the_decision_and_only_what_was_decided(scene: Scene) -> None:
    answer = scene.ask(THINKER)

    assert answer.headers["x-semrouter-category"] == "computer science"
    assert answer.headers["x-semrouter-reason"] == "routed"
    assert "x-semrouter-confidence" not in answer.headers


def test_a_spoofed_model_selects_nothing_when_the_router_fails(scene: Scene) -> None:
    with _broken(scene.router):
        answer = scene.send(b"{}", x_semrouter_model=THINKER, x_semrouter_other="x")

    ((_, headers, _),) = scene.plain.arrived
    assert answer.status == 200
    assert not [name for name in headers if name.startswith("x-semrouter")]


def test_credentials_reach_the_model_but_not_the_router(scene: Scene) -> None:
    body = json.dumps({"model": PLAIN}).encode()

    scene.send(body, authorization="Bearer s", cookie="a=b", x_api_key="k")

    credentials = {"authorization": "Bearer s", "cookie": "a=b", "x-api-key": "k"}
    ((_, headers, _),) = scene.plain.arrived
    assert credentials.items() <= headers.items()
    assert credentials.keys().isdisjoint(scene.router.heard[0])


def test_the_router_can_set_no_header_but_its_own(scene: Scene) -> None:
    scene.ask()

    ((_, headers, _),) = scene.plain.arrived
    assert "authorization" not in headers
    assert "x-other" not in headers


@pytest.mark.parametrize(
    "path", ["//v1/chat//completions", "/v1/x/../chat/completions", "/v1/chat/completion%73"]
)
def test_no_spelling_of_the_path_leads_around_the_router(scene: Scene, path: str) -> None:
    scene.send(chat_body(100), path)

    assert [heard[":path"] for heard in scene.router.heard] == ["/v1/chat/completions"]
    assert scene.plain.arrived[0][0] == "/v1/chat/completions"


def test_an_escaped_slash_is_sent_back_to_the_plain_spelling(scene: Scene) -> None:
    answer = scene.send(chat_body(100), "/v1%2Fchat/completions")

    assert (answer.status, answer.headers["location"]) == (307, "/v1/chat/completions")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/models"),
        ("GET", "/v1/modelsx"),
        ("GET", "/v1/chat/completions"),
        ("POST", "/v1/embeddings"),
        ("POST", "/v1/chat/completions/cancel"),
    ],
)
def test_what_holds_no_prompt_does_not_wait_for_the_router(
    scene: Scene, method: str, path: str
) -> None:
    scene.send(b"", path, method)

    assert scene.router.heard == []
    assert [arrived for arrived, _, _ in scene.plain.arrived] == [path]


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/Qwen/Qwen3-8B", "/v1/models?limit=1"])
def test_the_router_is_asked_for_the_models(scene: Scene, path: str) -> None:
    scene.send(b"", path, "GET")

    assert [heard[":path"] for heard in scene.router.heard] == [path]


def test_a_websocket_passes_without_the_router(scene: Scene) -> None:
    handshake = (
        b"GET /v1/realtime HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    )
    with socket.create_connection(scene.config.envoy.listen.reachable, timeout=10) as client:
        client.sendall(handshake)
        accepted = client.recv(4096)
        client.sendall(b"hello\n")
        echoed = client.recv(4096)

    assert accepted.startswith(b"HTTP/1.1 101 ")
    assert echoed == b"hello\n"
    assert scene.router.heard == []


def test_an_upgrade_that_would_wait_for_the_router_is_refused(scene: Scene) -> None:
    answer = scene.send(b"", connection="upgrade", upgrade="websocket")

    assert answer.status == 403


@pytest.mark.parametrize(("fail_open", "status"), [(True, 200), (False, 503)])
def test_without_any_router_requests_pass_only_if_so_configured(
    shared_scene: Scene, tmp_path: Path, *, fail_open: bool, status: int
) -> None:
    upstream = shared_scene.plain.address
    config = scene_config(f"127.0.0.1:{free_port()}", upstream, upstream, fail_open=fail_open)
    with EnvoyProcess(render(config), tmp_path) as envoy:
        scene = Scene(config, envoy, shared_scene.router, shared_scene.plain, shared_scene.thinker)

        assert scene.ask().status == status
        assert scene.send(b"", "/health", "GET").status == 200
