"""Every panel of the dashboard and every rule, on a real Prometheus that scrapes a real run."""

import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import isnan
from pathlib import Path
from typing import Any

import pytest
import yaml

from semrouter_extproc.config import Config
from support.canned_upstream import CannedUpstream
from support.client import send
from support.front import running_page
from support.ports import free_port
from support.serving import serving
from support.stack import LAW, MATH, chat_body

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yaml"
DASHBOARD = json.loads((DEPLOY / "grafana" / "semrouter.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

PROMETHEUS = shutil.which("prometheus")
pytestmark = pytest.mark.skipif(PROMETHEUS is None, reason="Prometheus is not installed")

WITHIN = 60


class Prometheus:
    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def ask(self, path: str, **parameters: str) -> Any:
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - of our own making
            return json.load(answer)["data"]

    def has_data(self, query: str) -> bool:
        found = self.ask("query", query=query.replace("$__rate_interval", "20s"))["result"]
        return any(not isnan(float(each["value"][1])) for each in found)


@contextmanager
def running_prometheus(config: Config, folder: Path) -> Iterator[Prometheus]:
    """Scrape the router of `config` every second, and evaluate the rules as often."""
    assert PROMETHEUS is not None
    port = free_port()
    page = folder / "prometheus.yaml"
    scraped = {"job_name": "semrouter", "static_configs": [{"targets": [str(config.server.admin)]}]}
    document = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [scraped],
    }
    page.write_text(yaml.safe_dump(document))
    command = [PROMETHEUS, f"--config.file={page}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stderr=log, stdout=log
        )
    try:
        yield Prometheus(port)
    finally:
        process.terminate()
        process.wait(20)


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
        yield stack.enter_context(running_prometheus(config, folder)), Traffic(config)


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
