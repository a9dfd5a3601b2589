import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from semrouter_extproc.workbench.processes import guarded

TESTS = Path(__file__).parent

# How long an example takes is the machine's affair: a busy one takes any time now and then.
settings.register_profile("any pace", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any pace")


def needs_vllm(item: pytest.Item) -> bool:
    return item.get_closest_marker("vllm") is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the tests that need vLLM to the end, when it is installed."""
    items.sort(key=needs_vllm)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Install vLLM, which takes minutes the first time, beside the tests that do not need it."""
    if session.config.option.collectonly or not any(map(needs_vllm, session.items)):
        return (yield)
    command = [sys.executable, "-m", "support.preparation"]
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    with guarded(command, output=subprocess.DEVNULL, environment=environment):
        return (yield)
