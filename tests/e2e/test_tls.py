"""Envoy and the router, each sure of the other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from semrouter_extproc.workbench.loopback import serving
from support.canned_upstream import CannedUpstream
from support.certificates import NAME, Authority
from support.client import send
from support.front import running_page
from support.stack import MATH, chat_body


def page(model: str, authority: Authority, **router_tls: Any) -> dict[str, Any]:
    cert, key = authority.issue("router")
    envoy_cert, envoy_key = authority.issue("envoy", "envoy.test")
    usual = {"ca": authority.ca, "name": NAME, "cert": envoy_cert, "key": envoy_key}
    return {
        "models": {"qwen3": {"dialect": "qwen3", "endpoints": [model]}},
        "default": {"model": "qwen3", "reasoning": "off"},
        "routes": {"math": {"reasoning": "on"}},
        "server": {"tls": {"cert": str(cert), "key": str(key), "client_ca": str(authority.ca)}},
        "envoy": {"router_tls": {name: str(value) for name, value in (usual | router_tls).items()}},
    }


@pytest.fixture
def model() -> Iterator[str]:
    with serving(CannedUpstream()) as upstream:
        yield upstream.address


def reason(document: dict[str, Any], folder: Path) -> str | None:
    """Return why a request through Envoy went where it went, None where no router was asked."""
    with running_page(document, folder) as (config, _):
        path = "/v1/chat/completions"
        answer = send(config.envoy.listen, chat_body(MATH), method="POST", path=path, headers={})
        assert answer.status == 200
        return answer.headers.get("x-semrouter-reason")


def test_envoy_and_a_router_with_certificates_route(model: str, tmp_path: Path) -> None:
    assert reason(page(model, Authority(tmp_path)), tmp_path) == "routed"


def test_envoy_talks_to_no_router_of_another_name(model: str, tmp_path: Path) -> None:
    strict = page(model, Authority(tmp_path), name="other.test")

    assert reason(strict, tmp_path) is None


def test_the_router_talks_to_no_envoy_of_another_authority(model: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    cert, key = Authority(elsewhere).issue("stranger")
    strange = page(model, Authority(tmp_path), cert=cert, key=key)

    assert reason(strange, tmp_path) is None


def test_whoever_speaks_plainly_is_not_heard(model: str, tmp_path: Path) -> None:
    with (
        running_page(page(model, Authority(tmp_path)), tmp_path) as (config, _),
        grpc.insecure_channel(str(config.server.grpc)) as channel,
    ):
        check = health_pb2_grpc.HealthStub(channel).Check
        with pytest.raises(grpc.RpcError):
            check(health_pb2.HealthCheckRequest(), timeout=5)
