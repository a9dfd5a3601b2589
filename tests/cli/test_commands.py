"""The commands as a user runs them: arguments in, text and an exit code out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from semrouter_extproc import __version__
from support.commands import Command
from support.ports import free_port

ROOT = Path(__file__).parent.parent.parent
CONFIG = str(ROOT / "config/semrouter.yaml")
PROMPT = "Find the derivative of f(x) = x^3 * sin(x) with respect to x."


def body(prompt: str, **members: object) -> str:
    return json.dumps(
        {"model": "auto", "messages": [{"role": "user", "content": prompt}], **members}
    )


@pytest.mark.parametrize(
    "command",
    [
        *("serve", "check", "route", "lint", "fit", "tune", "evaluate", "records", "replay"),
        *("dialects", "doctor", "envoy-config", "demo", "--help"),
    ],
)
def test_every_command_explains_itself(semrouter: Command, command: str) -> None:
    result = semrouter(*dict.fromkeys([command, "--help"]))

    assert result.code == 0
    assert "Usage:" in result.out


def test_the_version_is_that_of_the_package(semrouter: Command) -> None:
    assert semrouter("--version").out == f"semrouter {__version__}\n"


def test_the_shipped_configuration_is_valid(semrouter: Command) -> None:
    result = semrouter("check", "--config", CONFIG, "--json")

    assert result.code == 0
    assert json.loads(result.out)["categories"] == 14


def test_what_may_surprise_in_a_valid_configuration_is_said(
    semrouter: Command, tmp_path: Path
) -> None:
    page = tmp_path / "page.yaml"
    page.write_text(
        "models: {oss: {dialect: gpt-oss, endpoints: ['h:1']}}\n"
        "default: {model: oss}\n"
        "routes: {math: {reasoning: high}}\n"
    )

    result = semrouter("check", "--config", str(page))

    notes = [line for line in result.out.splitlines() if line.startswith("note: ")]
    assert result.code == 0
    assert notes[0].startswith("note: without a route of their own, and so to the default: bio")
    assert notes[1:] == ["note: default: gpt-oss cannot say off, it becomes low"]


def test_a_wish_by_header_can_be_tried_where_it_counts(semrouter: Command, tmp_path: Path) -> None:
    listening = tmp_path / "page.yaml"
    listening.write_text(Path(CONFIG).read_text().replace("header: false", "header: true"))
    wish = ("--reasoning", "on", "--json", "Who wrote Hamlet?")

    deaf = semrouter("route", "--config", CONFIG, *wish)
    heard = semrouter("route", "--config", str(listening), *wish)

    assert deaf.code == 2
    assert json.loads(heard.out)["decision"]["reason"] == "client_override"


def test_every_fault_of_a_configuration_is_one_line_with_its_path(
    semrouter: Command, tmp_path: Path
) -> None:
    page = tmp_path / "page.yaml"
    model = "{dialect: qwen3, backend: vlm, endpoints: ['h:1']}"
    page.write_text(f"models: {{q: {model}}}\ndefalt: {{model: q}}\n")

    result = semrouter("check", "--config", str(page))

    assert result.code == 2
    assert result.out == ""
    assert sorted(line.split(": ")[2] for line in result.err.splitlines()) == [
        *("defalt", "default", "models.q.backend"),
    ]


def test_a_route_to_a_category_that_does_not_exist_is_named(
    semrouter: Command, tmp_path: Path
) -> None:
    page = tmp_path / "page.yaml"
    page.write_text(Path(CONFIG).read_text().replace("  math:", "  maths:"))

    result = semrouter("check", "--config", str(page))

    assert result.code == 2
    assert "routes.maths: unknown category 'maths'" in result.err


def test_a_redaction_that_is_not_there_is_named(semrouter: Command, tmp_path: Path) -> None:
    page = tmp_path / "page.yaml"
    log = "log: {decisions: 1, prompts: true, redact: no_such_module:redact}\n"
    page.write_text(
        "models: {q: {dialect: qwen3, endpoints: ['h:1']}}\ndefault: {model: q}\n" + log
    )

    result = semrouter("check", "--config", str(page))

    assert result.code == 2
    assert "log.redact: cannot import no_such_module:redact: ModuleNotFoundError" in result.err


def test_centroids_that_are_not_there_are_named(semrouter: Command, tmp_path: Path) -> None:
    page = tmp_path / "page.yaml"
    text = Path(CONFIG).read_text().replace("centroids: mmlu-pro", "centroids: absent")
    page.write_text(text.replace(":50051", f":{free_port()}"))

    result = semrouter("serve", "--config", str(page))

    assert result.code == 2
    assert "absent" in result.err
    assert "Traceback" not in result.err


def test_a_prompt_is_decided_and_explained(semrouter: Command) -> None:
    result = semrouter("route", "--config", CONFIG, PROMPT, "--json")

    answer = json.loads(result.out)
    assert answer["decision"]["category"] == "math"
    assert answer["decision"]["reasoning"] == "on"
    assert answer["decision"]["reason"] == "routed"
    assert answer["scores"][0]["category"] == "math"
    assert sum(score["probability"] for score in answer["scores"]) == pytest.approx(1)
    assert json.loads(answer["body"]) == {
        "model": "qwen3",
        "messages": [{"role": "user", "content": PROMPT}],
        "chat_template_kwargs": {"enable_thinking": True},
    }


def test_a_prompt_that_was_encoded_is_told_its_nearest_example(semrouter: Command) -> None:
    result = semrouter("route", "--config", CONFIG, "Why, and since when?", "--json")

    answer = json.loads(result.out)
    assert answer["rung"] == "encoder"
    nearest = answer["likeness"]["nearest"]
    assert len(nearest) == 3
    assert all(each["id"].startswith("mmlu-pro/") for each in nearest)
    assert 1 >= nearest[0]["likeness"] >= nearest[2]["likeness"] > 0
    assert 0 < answer["likeness"]["familiarity"] < 2.5
    assert answer["likeness"]["needed"] is None


def test_a_prompt_is_sent_to_a_configured_alias(semrouter: Command, tmp_path: Path) -> None:
    page = tmp_path / "page.yaml"
    page.write_text(Path(CONFIG).read_text().replace("aliases: [auto, MoM]", "aliases: [smart]"))

    result = semrouter("route", "--config", str(page), PROMPT, "--json")

    assert json.loads(result.out)["decision"]["reason"] == "routed"


def test_a_file_that_cannot_be_written_is_one_clear_line(semrouter: Command) -> None:
    result = semrouter("envoy-config", "--config", CONFIG, "--out", "/absent/envoy.yaml")

    assert result.code == 2
    assert "/absent/envoy.yaml" in result.err


def test_a_body_may_come_from_standard_input() -> None:
    wish = {"chat_template_kwargs": {"enable_thinking": False}}
    command = [sys.executable, "-m", "semrouter_extproc"]

    result = subprocess.run(
        [*command, "route", "--config", CONFIG, "--body", "-", "--json"],
        input=body(PROMPT, **wish),
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(result.stdout)["decision"]["reason"] == "client_override"


def test_a_body_may_come_from_a_file_and_is_shown_to_people(
    semrouter: Command, tmp_path: Path
) -> None:
    file = tmp_path / "body.json"
    file.write_text(body(PROMPT))

    result = semrouter("route", "--config", CONFIG, "--body", str(file))

    assert "math" in result.out
    assert '"enable_thinking":true' in result.out


def test_a_body_that_cannot_be_read_is_one_clear_line(semrouter: Command, tmp_path: Path) -> None:
    file = tmp_path / "body.json"
    file.write_text("{")

    result = semrouter("route", "--config", CONFIG, "--body", str(file))

    assert result.code == 2
    assert result.err.startswith("semrouter: the body is no JSON object")


@pytest.mark.parametrize("arguments", [[], ["prompt", "--body", "-"], ["--body", "/absent"]])
def test_route_wants_one_thing_to_decide_about(semrouter: Command, arguments: list[str]) -> None:
    assert semrouter("route", "--config", CONFIG, *arguments).code == 2


def test_the_bootstrap_goes_to_a_file_or_to_the_screen(semrouter: Command, tmp_path: Path) -> None:
    file = tmp_path / "envoy.yaml"

    shown = semrouter("envoy-config", "--config", CONFIG).out
    semrouter("envoy-config", "--config", CONFIG, "--out", str(file))

    assert "static_resources" in shown
    assert file.read_text() == shown
