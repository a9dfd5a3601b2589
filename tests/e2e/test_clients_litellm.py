"""LiteLLM through Envoy to the real vLLM."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import support
from semrouter_extproc.errors import EnvironmentProblem
from semrouter_extproc.workbench.processes import foreign_environment
from semrouter_extproc.workbench.progress import Silent
from support.litellm_environment import litellm_environment
from support.stack import LAW, MATH

SCRIPT = Path(support.__file__).with_name("ask_litellm.py")

# The first set-up on a machine installs vLLM.
pytestmark = [pytest.mark.vllm, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def told(service: str) -> Any:
    """What a process with LiteLLM was told by the service."""
    try:
        interpreter = litellm_environment(Silent())
    except EnvironmentProblem as problem:
        pytest.skip(str(problem))
    # Otherwise it fetches a list of prices.
    environment = foreign_environment(NO_PROXY="*", LITELLM_LOCAL_MODEL_COST_MAP="True")
    command: list[str | Path] = [interpreter, "-P", SCRIPT, service, MATH, LAW]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    # Its own remarks come first.
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("question", "thinks"),
    [
        ("math", True),
        ("law", False),
        ("math without effort", False),
        ("law with effort", True),
        ("anthropic math", True),
        ("anthropic law", False),
    ],
)
def test_litellm_is_routed_and_has_its_way(
    told: Any,
    question: str,
    thinks: bool,  # noqa: FBT001 - a parameter
) -> None:
    answer = told[question]

    assert answer["model"] == "tiny"
    assert bool(answer["thoughts"]) == thinks
    assert bool(answer["text"]) != thinks


@pytest.mark.parametrize("way", ["stream", "later"])
def test_litellm_streams(told: Any, way: str) -> None:
    assert len([piece for piece in told[way] if piece]) > 1
    assert "".join(told[way]) == told["law"]["text"]


def test_litellm_tells_what_is_wrong_with_a_request(told: Any) -> None:
    assert "`chat_template_kwargs` is not as the API defines it" in told["refused"]
