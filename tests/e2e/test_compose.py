"""deploy/compose without containers: its start order, files and commands, as processes here."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from semrouter_extproc.config import Address
from semrouter_extproc.testing.upstream import Upstream, running_upstream
from support.compose import served_names, services
from support.compose_site import ComposeSite
from support.eventually import eventually
from support.prometheus import PROMETHEUS, needs_prometheus
from support.stack import LAW, MATH
from support.vllm import VllmBackend

pytestmark = [
    # The first set-up on a machine installs vLLM.
    pytest.mark.vllm,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(shutil.which("curl") is None, reason="a health check needs curl"),
]

PROFILES = ("cpu", "observe") if PROMETHEUS else ("cpu",)


@contextmanager
def running_site(fast: VllmBackend, thinker: Upstream, folder: Path) -> Iterator[ComposeSite]:
    asked = {name: each for name, each in services(*PROFILES).items() if name != "grafana"}
    models = {"fast-cpu": fast.address, "thinker-cpu": Address("127.0.0.1", thinker.port)}
    with ComposeSite(asked, models, folder) as site:
        yield site


@pytest.fixture(scope="module")
def thinker() -> Iterator[Upstream]:
    with running_upstream("thinker") as upstream:
        yield upstream


@pytest.fixture(scope="module")
def site(
    tiny_vllm: VllmBackend, thinker: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ComposeSite]:
    with running_site(tiny_vllm, thinker, tmp_path_factory.mktemp("compose")) as site:
        yield site


def test_envoy_is_started_when_the_others_are_healthy(site: ComposeSite) -> None:
    before = site.started[: site.started.index("envoy")]

    assert {"router", "thinker-cpu", "fast-cpu"} <= set(before)
    assert all(site.is_healthy(name) for name in ("router", "thinker-cpu", "fast-cpu"))


def test_math_is_for_the_model_that_thinks(site: ComposeSite, thinker: Upstream) -> None:
    thinker.arrived.clear()

    answer = site.ask(MATH)

    arrived = thinker.only().json
    assert answer.json == {"served_by": "thinker"}
    assert arrived["model"] in served_names(services("cpu")["thinker-cpu"])
    assert arrived["chat_template_kwargs"] == {"enable_thinking": True}
    assert answer.headers["x-semrouter-model"] == "thinker"
    assert answer.headers["x-semrouter-reasoning"] == "on"
    assert answer.headers["x-semrouter-category"] == "math"
    assert answer.headers["x-semrouter-reason"] == "routed"


def test_law_is_answered_without_thoughts_by_the_fast_model(
    site: ComposeSite, thinker: Upstream
) -> None:
    thinker.arrived.clear()

    answer = site.ask(LAW, max_tokens=8)

    message = answer.json["choices"][0]["message"]
    assert message["content"]
    assert not message["reasoning"]
    assert answer.headers["x-semrouter-model"] == "fast"
    assert answer.headers["x-semrouter-reasoning"] == "off"
    assert answer.headers["x-semrouter-category"] == "law"
    assert not thinker.arrived


@needs_prometheus
def test_prometheus_sees_the_router_and_both_models(site: ComposeSite) -> None:
    prometheus = site.prometheus
    assert prometheus is not None

    def up() -> bool:
        try:
            found = prometheus.ask("query", query="up")["result"]
        except OSError:
            return False
        return [each["value"][1] for each in found] == ["1", "1", "1"]

    assert eventually(up, seconds=30)
    assert eventually(lambda: prometheus.has_data("semrouter_requests_total"))
    assert eventually(lambda: prometheus.has_data("vllm:num_requests_running"))


def test_without_the_router_the_fast_model_answers_the_alias(
    tiny_vllm: VllmBackend, thinker: Upstream, tmp_path: Path
) -> None:
    with running_site(tiny_vllm, thinker, tmp_path) as site:
        thinker.arrived.clear()
        site.stop_router()
        assert not site.is_healthy("router")

        answer = site.ask(MATH, max_tokens=8)

    assert answer.status == 200
    assert answer.json["choices"][0]["finish_reason"] == "length"
    assert "x-semrouter-reason" not in answer.headers
    assert not thinker.arrived
