"""`semrouter replay` and `records` as people and pipelines use them."""

import json
from pathlib import Path

import pytest

from support.commands import Command

MATH = "Find the derivative of f(x) = x^3 * sin(x) with respect to x."
LAW = "May a tenant sue the landlord for breach of the implied warranty of habitability?"


def page(folder: Path, name: str, law: str) -> Path:
    file = folder / name
    file.write_text(
        "models: {qwen3: {dialect: qwen3, endpoints: ['h:1']}}\n"
        "default: {model: qwen3}\n"
        f"routes: {{math: {{reasoning: on}}, law: {{reasoning: {law}}}}}\n"
    )
    return file


def bodies(folder: Path, *prompts: str) -> Path:
    file = folder / "bodies.jsonl"
    turns = ([{"role": "user", "content": prompt}] for prompt in prompts)
    file.write_text("\n".join(json.dumps({"model": "auto", "messages": each}) for each in turns))
    return file


def test_a_changed_route_is_shown_and_stops_a_pipeline_past_its_limit(
    semrouter: Command, tmp_path: Path
) -> None:
    log = bodies(tmp_path, MATH, LAW, MATH)
    old, new = page(tmp_path, "old.yaml", "off"), page(tmp_path, "new.yaml", "on")
    asked = ("replay", "--log", log, "--config", new, "--against", old)

    shown = semrouter(*asked)
    stopped = semrouter(*asked, "--limit", "33%", "--json")
    passed = semrouter(*asked, "--limit", "0.34")

    (change,) = json.loads(stopped.out)["changes"]
    assert (shown.code, stopped.code, passed.code) == (0, 1, 0)
    assert change == {
        "category": "law",
        "before": {"model": "qwen3", "reasoning": "off", "refused": False},
        "after": {"model": "qwen3", "reasoning": "on", "refused": False},
        "requests": 1,
        "examples": ["bodies.jsonl:2"],
    }
    assert "Tokens: unknown" in shown.out
    assert "1 of 3 decisions change (33.33%)" in shown.out
    assert "tenant" not in shown.out + shown.err + stopped.out


def test_the_same_log_gives_the_same_report(semrouter: Command, tmp_path: Path) -> None:
    log = bodies(tmp_path, MATH, LAW, "hello", "Why is the sky blue?")
    old, new = page(tmp_path, "old.yaml", "off"), page(tmp_path, "new.yaml", "on")
    asked = ("replay", "--log", log, "--config", new, "--against", old, "--json")

    assert semrouter(*asked).out == semrouter(*asked).out


def test_tokens_are_estimated_where_a_log_tells_them(semrouter: Command, tmp_path: Path) -> None:
    log = bodies(tmp_path, MATH, LAW)
    old, new = page(tmp_path, "old.yaml", "off"), page(tmp_path, "new.yaml", "on")
    access = tmp_path / "access.log"
    lines = [
        {"request_id": "a", "model": "qwen3", "reasoning": "on", "completion_tokens": 900},
        {"request_id": "b", "model": "qwen3", "reasoning": "off", "completion_tokens": 100},
    ]
    access.write_text("\n".join(map(json.dumps, lines)))

    result = semrouter(
        *("replay", "--log", log, "--config", new, "--against", old, "--tokens", access)
    )

    assert "Tokens: 1,000 before, 1,800 after" in result.out


@pytest.mark.parametrize("limit", ["1.5", "x", "200%", "-1%", "nan"])
def test_a_limit_is_a_share(semrouter: Command, tmp_path: Path, limit: str) -> None:
    config = page(tmp_path, "page.yaml", "off")

    result = semrouter("replay", "--log", tmp_path, "--config", config, "--limit", limit)

    assert result.code == 2
    assert "such as 1% or 0.01" in result.err


def test_a_log_that_cannot_be_compared_is_one_clear_line(
    semrouter: Command, tmp_path: Path
) -> None:
    config, log = page(tmp_path, "page.yaml", "off"), bodies(tmp_path, MATH)

    result = semrouter("replay", "--log", log, "--config", config)

    assert result.code == 2
    assert "1 without a recorded decision (name a configuration with --against)" in result.err


def test_a_file_of_tokens_that_is_none_is_told_before_anything_is_decided(
    semrouter: Command, tmp_path: Path
) -> None:
    config, log = page(tmp_path, "page.yaml", "off"), bodies(tmp_path, MATH)

    result = semrouter(
        *("replay", "--log", log, "--config", config, "--against", config, "--tokens", log)
    )

    assert result.code == 2
    assert "is it the output of Envoy?" in result.err
    assert "Deciding" not in result.err


def recorded(folder: Path, *answers: tuple[str, str, str]) -> tuple[Path, Path, Path]:
    """Write the rows, the log and the scores of (id, prompt, reasoning)."""
    files = (folder / "requests-1.jsonl", folder / "access.log", folder / "scores.csv")
    decision = {"model": "qwen3", "reason": "client_override", "category": "math"}
    rows = [
        {
            "id": name,
            "time": 0,
            "body": {"messages": [{"role": "user", "content": prompt}]},
            "decision": {**decision, "reasoning": reasoning},
        }
        for name, prompt, reasoning in answers
    ]
    lines = [{"request_id": row["id"], "code": 200, "completion_tokens": 9} for row in rows]
    files[0].write_text("\n".join(map(json.dumps, rows)))
    files[1].write_text("\n".join(map(json.dumps, lines)))
    files[2].write_text("id,score\n" + "".join(f"{row['id']},1\n" for row in rows))
    return files


def test_records_says_what_was_paired_and_how_to_get_the_rest(
    semrouter: Command, tmp_path: Path
) -> None:
    rows, log, scores = recorded(
        tmp_path, ("a", "Why?", "on"), ("b", "Why?", "off"), ("c", "How?", "on")
    )
    out = tmp_path / "records.jsonl"

    result = semrouter(
        *("records", "--recorded", rows, "--access-log", log, "--scores", scores, "--out", out)
    )

    assert result.code == 0
    assert "2  paired, in 1 rows of the arms direct and reasoning" in result.out
    assert "1  the conversation was answered by one arm only" in result.out
    assert "send a small random share of the prompts once more" in result.out
    assert json.loads(out.read_text())["text"] == "Why?"


def test_where_nothing_can_be_paired_nothing_is_written(semrouter: Command, tmp_path: Path) -> None:
    rows, log, scores = recorded(tmp_path, ("a", "Why?", "on"), ("b", "How?", "off"))
    out = tmp_path / "records.jsonl"

    result = semrouter(
        *("records", "--recorded", rows, "--access-log", log, "--scores", scores, "--out", out)
    )

    assert result.code == 2
    assert "no prompt can be paired" in result.err
    assert "2  the conversation was answered by one arm only" in result.out
    assert not out.exists()
