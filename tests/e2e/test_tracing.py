"""One trace of Envoy's spans and the router's, and the same trace in the log of decisions."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from semrouter_extproc.config import Config
from semrouter_extproc.workbench.loopback import serving
from support.canned_upstream import CannedUpstream
from support.client import Answer, send
from support.collector import Collector, running_collector
from support.eventually import eventually
from support.front import running_page
from support.ports import free_port
from support.processes import RouterProcess
from support.stack import MATH, chat_body


@dataclass
class Front:
    """Envoy and a router that tell one collector."""

    config: Config
    router: RouterProcess
    collector: Collector

    def ask(self, prompt: str, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = chat_body(prompt)
        path = "/v1/chat/completions"
        return send(self.config.envoy.listen, body, method="POST", path=path, headers=named)

    def lines(self) -> list[Any]:
        logged = [json.loads(line) for line in self.router.log.read_text().splitlines()]
        return [line for line in logged if line["event"] == "decided"]


def front(stack: ExitStack, folder: Path, *, share: float) -> Front:
    model = stack.enter_context(serving(CannedUpstream()))
    collector = stack.enter_context(running_collector())
    page = {
        "models": {"qwen3": {"dialect": "qwen3", "endpoints": [model.address]}},
        "default": {"model": "qwen3", "reasoning": "off"},
        "routes": {"math": {"reasoning": "on"}},
        "log": {"decisions": 1},
        "tracing": {"collector": collector.address, "share": share},
    }
    return Front(*stack.enter_context(running_page(page, folder)), collector)


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with ExitStack() as stack:
        yield front(stack, tmp_path_factory.mktemp("traced"), share=1)


def test_the_routers_span_is_part_of_envoys_trace(traced: Front) -> None:
    answer = traced.ask(MATH)

    collector = traced.collector
    assert eventually(lambda: bool(collector.of("semrouter")), seconds=20)
    (ours,) = collector.of("semrouter")
    assert ours.attributes["semrouter.category"] == "math"
    assert ours.attributes["semrouter.reasoning"] == "on"
    assert ours.attributes["semrouter.rung"] in {"static", "encoder"}
    assert ours.attributes["semrouter.request_id"] == answer.headers["x-request-id"]
    assert eventually(lambda: len(collector.of("envoy")) >= 2, seconds=20)
    envoys = {told.span.span_id: told.span for told in collector.of("envoy")}
    parent = envoys[ours.span.parent_span_id]
    assert parent.trace_id == ours.span.trace_id
    assert parent.start_time_unix_nano <= ours.span.start_time_unix_nano
    # It hangs from the call of the router, which hangs from the request.
    assert parent.parent_span_id in envoys


def test_a_logged_decision_names_its_request_and_its_trace(traced: Front) -> None:
    before = len(traced.lines())
    trace = "0af7651916cd43dd8448eb211c80319c"
    answer = traced.ask(MATH, traceparent=f"00-{trace}-b7ad6b7169203331-01")

    assert eventually(lambda: len(traced.lines()) > before)
    line = traced.lines()[-1]
    assert line["trace_id"] == trace
    assert line["request_id"] == answer.headers["x-request-id"]
    assert (line["category"], line["reasoning"], line["reason"]) == ("math", "on", "routed")
    assert MATH not in traced.router.log.read_text()


def test_what_is_not_sampled_is_not_traced(tmp_path: Path) -> None:
    with ExitStack() as stack:
        quiet = front(stack, tmp_path, share=0)
        quiet.ask(MATH)
        quiet.router.terminate()
        quiet.router.terminate()
        # What waits is sent before the process ends.
        assert quiet.router.wait() == 0

        assert quiet.collector.told == []


def test_a_collector_that_is_gone_costs_no_request_and_holds_up_no_end(tmp_path: Path) -> None:
    with ExitStack() as stack:
        model = stack.enter_context(serving(CannedUpstream()))
        page = {
            "models": {"qwen3": {"dialect": "qwen3", "endpoints": [model.address]}},
            "default": {"model": "qwen3", "reasoning": "off"},
            "tracing": {"collector": f"127.0.0.1:{free_port()}", "share": 1},
        }
        config, router = stack.enter_context(running_page(page, tmp_path))
        path = "/v1/chat/completions"
        answer = send(config.envoy.listen, chat_body(MATH), method="POST", path=path, headers={})
        router.terminate()
        router.terminate()

        assert answer.headers["x-semrouter-reason"] == "routed"
        assert router.wait(15) == 0
