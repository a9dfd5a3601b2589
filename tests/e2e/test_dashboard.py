"""Every panel of the dashboard and every rule, on a real Prometheus that scrapes a real run."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from semrouter_extproc.config import Config
from semrouter_extproc.workbench.loopback import serving
from support.canned_upstream import CannedUpstream
from support.client import send
from support.front import running_page
from support.prometheus import Prometheus, needs_prometheus, running_prometheus
from support.stack import LAW, MATH, chat_body

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yaml"
DASHBOARD = json.loads((DEPLOY / "grafana" / "semrouter.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

pytestmark = needs_prometheus

WITHIN = 60


def prometheus_page(config: Config) -> str:
    """Scrape the router of `config` every second, and evaluate the rules as often."""
    scraped = {"job_name": "semrouter", "static_configs": [{"targets": [str(config.server.admin)]}]}
    document = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [scraped],
    }
    return yaml.safe_dump(document)


class Traffic:
    """Questions of two categories, with and without reasoning, answered by a canned model."""

    def __init__(self, config: Config) -> None:
        self._address = config.envoy.listen
        self._sent = 0

    def go_on(self) -> None:
        for prompt in (MATH, LAW):
            for members in ({}, {"chat_template_kwargs": {"enable_thinking": prompt is LAW}}):
                self._sent += 1
                body = chat_body(f"{prompt} ({self._sent})", **members)
                send(self._address, body, method="POST", path="/v1/chat/completions", headers={})


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, Traffic]]:
    folder = tmp_path_factory.mktemp("dashboard")
    with ExitStack() as stack:
        model = stack.enter_context(serving(CannedUpstream()))
        page = {
            "models": {
                "qwen3": {
                    "dialect": "qwen3",
                    "endpoints": [model.address],
                    "short_budget": {"below": 0},
                }
            },
            "default": {"model": "qwen3"},
            "routes": {"math": {"reasoning": "on"}, "law": {"reasoning": "off"}},
            "classifier": {"static_tier": False},
        }
        shadow = folder / "shadow.yaml"
        shadow.write_text(yaml.safe_dump(page | {"routes": {"math": {"reasoning": "off"}}}))
        config, _ = stack.enter_context(running_page(page | {"shadow": str(shadow)}, folder))
        prometheus = running_prometheus(prometheus_page(config), folder)
        yield stack.enter_context(prometheus), Traffic(config)


def test_every_panel_has_data(observed: tuple[Prometheus, Traffic]) -> None:
    prometheus, traffic = observed
    queries = {(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]}
    missing = set(queries)
    give_up = time.monotonic() + WITHIN
    while missing and time.monotonic() < give_up:
        traffic.go_on()
        try:
            missing -= {(title, query) for title, query in missing if prometheus.has_data(query)}
        except OSError:
            # It is still starting.
            time.sleep(0.5)

    assert len(queries) > 20
    assert not missing


def test_every_rule_is_evaluated_without_a_fault(observed: tuple[Prometheus, Traffic]) -> None:
    prometheus, _ = observed
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]

    assert len(rules) == len(
        [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    )
    assert {(rule["name"], rule["health"], rule.get("lastError", "")) for rule in rules} == {
        (rule["name"], "ok", "") for rule in rules
    }
