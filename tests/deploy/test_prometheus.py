"""The rules for Prometheus, by its own tool where that is installed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from semrouter_extproc.observe.metrics import Metrics

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
RULES = FOLDER / "rules.yaml"

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")


def promtool(*arguments: str) -> str:
    """Return what promtool says; raises where it finds a fault."""
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_promtool
def test_prometheus_accepts_the_rules() -> None:
    assert "SUCCESS" in promtool("check", "rules", RULES.name)


@needs_promtool
def test_every_rule_does_what_it_says() -> None:
    assert "SUCCESS" in promtool("test", "rules", "rules_test.yaml")


def test_the_rules_read_metrics_that_are_there() -> None:
    families = Metrics(CollectorRegistry()).collect()
    endings = {"counter": "_total", "gauge": ""}
    known = {each.name + endings[each.type] for each in families if each.type in endings}

    read = set(re.findall(r"\bsemrouter_[a-z_]+", RULES.read_text()))

    assert len(read) >= 6
    assert read <= known


def test_every_alert_is_tested_and_explained() -> None:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}

    tests = yaml.safe_load((FOLDER / "rules_test.yaml").read_text())["tests"]
    fired = {
        case["alertname"]
        for test in tests
        for case in test.get("alert_rule_test", [])
        if case.get("exp_alerts")
    }
    told = (ROOT / "docs" / "operating.md").read_text()

    assert fired == alerts
    assert all(f"`{alert}`" in told for alert in alerts)


def test_the_dashboard_is_that_of_its_panels() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import dashboard; print(dashboard.written(), end='')"],
        cwd=ROOT / "deploy" / "grafana",
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == (ROOT / "deploy/grafana/semrouter.json").read_text(), "make dashboard"
