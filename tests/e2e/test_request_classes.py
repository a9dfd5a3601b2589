"""What vLLM's own request classes make of our bodies, also for families that cannot run here."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import support
from semrouter_extproc.config.dialects import Backend, built_in_families
from semrouter_extproc.core.apis import CHAT_COMPLETIONS, COMPLETIONS, MESSAGES, Api
from semrouter_extproc.core.models import Model
from semrouter_extproc.core.plan import plan
from semrouter_extproc.core.policy import Choice, Reason, Route
from semrouter_extproc.core.reasoning import Dialect, Reasoning
from semrouter_extproc.core.rewrite import rewrite
from semrouter_extproc.workbench.backend.server import Installation
from semrouter_extproc.workbench.processes import foreign_environment
from support.requests import TEMPLATED, request

# The first set-up on a machine installs vLLM.
pytestmark = [pytest.mark.vllm, pytest.mark.timeout(1500)]

SCRIPT = Path(support.__file__).with_name("read_as_vllm.py")

Question = tuple[str, Api, Reasoning]


def dialects() -> Mapping[str, Dialect]:
    known = {name: family.row(Backend.VLLM) for name, family in built_in_families().items()}
    return {name: row.dialect(name, Backend.VLLM) for name, row in known.items() if row}


QUESTIONS: list[Question] = [
    (name, api, level)
    for name, dialect in dialects().items()
    for api in TEMPLATED
    for level in api.dialect(dialect).spellings
]


def written(dialect: Dialect, api: Api, level: Reasoning) -> dict[str, Any]:
    """Return the body that the router sends for `level`."""
    asked = request(api, "Why?", **({"max_tokens": 65_536} if api is MESSAGES else {}))
    choice = Choice(Route("m", level), Reason.ROUTED)
    planned = plan(asked, choice, None, {"m": Model("m", dialect)}, None)
    return dict(json.loads(rewrite(asked, planned.changes)))


@dataclass(frozen=True)
class Heard:
    """What vLLM made of every level of every dialect, and of three bodies more."""

    levels: Mapping[Question, Any]
    effort_in_the_template: Any
    no_effort: Any
    completion: Any


TURNS = [{"role": "user", "content": "Why?"}]
WHERE_THE_REFERENCE_ROUTER_WRITES = {
    "model": "m",
    "messages": TURNS,
    "chat_template_kwargs": {"reasoning_effort": "high"},
}
NO_EFFORT = {"model": "m", "messages": TURNS, "reasoning_effort": "none"}


@pytest.fixture(scope="module")
def heard(installation: Installation) -> Heard:
    """Ask about everything at once: importing vLLM takes longest."""
    known = dialects()
    bodies = [
        *((api, written(known[name], api, level)) for name, api, level in QUESTIONS),
        (CHAT_COMPLETIONS, WHERE_THE_REFERENCE_ROUTER_WRITES),
        (CHAT_COMPLETIONS, NO_EFFORT),
        (COMPLETIONS, written(known["qwen3"], COMPLETIONS, Reasoning.ON)),
    ]
    answered = subprocess.run(
        [installation.interpreter, "-P", SCRIPT],
        input="\n".join(json.dumps({"path": api.path, "body": body}) for api, body in bodies),
        env=foreign_environment(HF_HUB_OFFLINE="1", VLLM_LOGGING_LEVEL="ERROR"),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in answered.stdout.splitlines() if line[:1] == "{"]
    levels = dict(zip(QUESTIONS, answers[: len(QUESTIONS)], strict=True))
    return Heard(levels, *answers[len(QUESTIONS) :])


def test_vllm_takes_every_body_that_the_router_writes(heard: Heard) -> None:
    refused = {
        (name, api.path, level.value): answer["error"]
        for (name, api, level), answer in heard.levels.items()
        if "error" in answer
    }

    assert refused == {}


@pytest.mark.parametrize("api", TEMPLATED, ids=lambda api: api.path)
def test_the_switch_reaches_the_templates_arguments_from_every_api(heard: Heard, api: Api) -> None:
    for name, dialect in dialects().items():
        for level in api.dialect(dialect).spellings:
            said = dialect.spell(level).members
            told = heard.levels[name, api, level]["kwargs"]
            assert {path[-1]: value for path, value in said.items()}.items() <= told.items(), name


@pytest.mark.parametrize("api", TEMPLATED, ids=lambda api: api.path)
@pytest.mark.parametrize("level", [Reasoning.LOW, Reasoning.MEDIUM, Reasoning.HIGH])
def test_harmony_tells_gpt_oss_the_effort(heard: Heard, api: Api, level: Reasoning) -> None:
    assert heard.levels["gpt-oss", api, level]["harmony"].lower() == level.value


def test_harmony_reads_no_effort_where_the_reference_router_writes_it(heard: Heard) -> None:
    assert heard.effort_in_the_template["kwargs"]["reasoning_effort"] == "high"
    assert heard.effort_in_the_template["harmony"].lower() == "medium"


def test_harmony_refuses_to_be_off(heard: Heard) -> None:
    assert heard.no_effort["harmony"].startswith("refused")


def test_a_text_completion_is_its_prompt(heard: Heard) -> None:
    assert heard.completion == {"prompt": "Why?"}
