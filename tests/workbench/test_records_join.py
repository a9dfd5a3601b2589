"""Requests, lines of a log and scores, paired by the prompt; nothing is lost without a word."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from semrouter_extproc.core.apis import CHAT_COMPLETIONS
from semrouter_extproc.core.policy import Decision, Reason
from semrouter_extproc.core.prompt import Reading
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.workbench.access_log import Line
from semrouter_extproc.workbench.observations import Fate
from semrouter_extproc.workbench.recorded import Recorded
from semrouter_extproc.workbench.records import read_records
from semrouter_extproc.workbench.records_join import Joined, join
from semrouter_extproc.workbench.score_column import Score


class Traffic:
    """What was recorded, logged and scored; a request is whole unless a test leaves a part out."""

    def __init__(self) -> None:
        self.recorded: list[Recorded] = []
        self.lines: list[Line] = []
        self.scores: dict[str, Score] = {}

    def add(
        self,
        name: str,
        prompt: str,
        reasoning: Reasoning,
        *,
        tokens: float | None = 100,
        score: float | None = 1,
        code: int = 200,
        model: str | None = "qwen3",
        redacted: bool = False,
        **members: Any,
    ) -> None:
        turns = [{"role": "user", "content": prompt}]
        body = json.dumps({"model": "auto", "messages": turns, **members}).encode()
        decision = Decision(model, reasoning, Reason.ROUTED, "math", 0.9)
        self.recorded.append(Recorded(name, CHAT_COMPLETIONS, body, decision, redacted=redacted))
        self.lines.append(Line(name, code, completion_tokens=tokens, duration_ms=2000))
        if score is not None:
            self.scores[name] = Score(name, score)

    def joined(self) -> Joined:
        return join(self.recorded, self.lines, self.scores, Reading())


ON, OFF = Reasoning.ON, Reasoning.OFF


def test_two_answers_to_a_prompt_become_a_row_that_tune_reads(tmp_path: Path) -> None:
    traffic = Traffic()
    traffic.add("a", "Why?", ON, tokens=900, score=1)
    traffic.add("b", "Why?", OFF, tokens=100, score=0.25)

    joined = traffic.joined()

    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"\n".join(map(msgspec.json.encode, joined.rows)))
    records = read_records([file])
    assert (records.arms, records.texts, records.categories) == (
        ("direct", "reasoning"),
        ("Why?",),
        ("math",),
    )
    assert (records.scores.tolist(), records.tokens.tolist()) == ([[0.25, 1]], [[100, 900]])
    assert joined.rows[0].arms["direct"].seconds == 2
    assert joined.fates == {Fate.PAIRED: 2}


def test_a_prompt_that_an_arm_answered_twice_has_the_mean_of_both() -> None:
    traffic = Traffic()
    traffic.add("a", "Why?", ON, tokens=900, score=1)
    traffic.add("b", "Why?", ON, tokens=700, score=0)
    traffic.add("c", "Why?", OFF)

    (row,) = traffic.joined().rows

    assert (row.arms["reasoning"].tokens, row.arms["reasoning"].score) == (800, 0.5)


def test_conversations_that_only_end_alike_are_not_the_same_prompt() -> None:
    traffic = Traffic()
    long = "x" * 1000
    traffic.add("a", f"{long} one {long}", ON)
    traffic.add("b", f"{long} two {long}", OFF)

    assert traffic.joined().fates == {Fate.ONE_ARM: 2}


def test_the_id_of_a_row_is_that_of_its_prompt_whenever_it_was_recorded() -> None:
    def row_of(first: str, second: str) -> str:
        traffic = Traffic()
        traffic.add(first, "Why?", ON)
        traffic.add(second, "Why?", OFF)
        return traffic.joined().rows[0].id

    assert row_of("a", "b") == row_of("d", "c")


@pytest.mark.parametrize(
    ("request_", "fate"),
    [
        ({"code": 503}, Fate.FAILED),
        ({"tokens": None}, Fate.NO_TOKENS),
        ({"tokens": 0}, Fate.NO_TOKENS),
        ({"score": None}, Fate.UNSCORED),
        ({"redacted": True}, Fate.REDACTED),
        ({"prompt": " "}, Fate.NO_PROMPT),
        ({"reasoning": Reasoning.UNCHANGED}, Fate.UNKNOWN_ARM),
        ({"model": None}, Fate.UNKNOWN_ARM),
        ({}, Fate.ONE_ARM),
    ],
)
def test_each_request_that_is_left_out_is_counted_by_its_reason(
    request_: dict[str, Any], fate: Fate
) -> None:
    traffic = Traffic()
    traffic.add("a", **{"prompt": "Why?", "reasoning": ON, **request_})

    joined = traffic.joined()

    assert joined.rows == []
    assert joined.fates == {fate: 1}


def test_ids_that_stand_for_two_requests_join_nothing() -> None:
    traffic = Traffic()
    traffic.add("a", "Why?", ON)
    traffic.add("a", "How?", OFF)
    traffic.add("b", "Who?", OFF)
    traffic.lines.append(traffic.lines[-1])

    assert traffic.joined().fates == {Fate.AMBIGUOUS: 3}


def test_what_the_recorder_did_not_see_is_counted_as_well() -> None:
    traffic = Traffic()
    traffic.add("a", "Why?", ON)
    traffic.add("b", "Why?", OFF)
    seen = traffic.recorded.pop()
    traffic.recorded.append(Recorded("c", seen.api, seen.body, seen.decision))

    joined = traffic.joined()

    assert joined.fates == {Fate.ONE_ARM: 1, Fate.NOT_LOGGED: 1}
    assert (joined.unrecorded_lines, joined.unrecorded_scores) == (1, 1)


def test_the_arms_that_most_prompts_share_are_those_of_the_rows() -> None:
    traffic = Traffic()
    for number, third in enumerate((Reasoning.HIGH, Reasoning.LOW)):
        for level in (ON, OFF, third):
            traffic.add(f"{number}{level}", f"prompt {number}", level)

    joined = traffic.joined()

    assert joined.arms == ["direct", "reasoning"]
    assert joined.fates == {Fate.PAIRED: 4, Fate.OTHER_ARMS: 2}
    assert joined.observed == {"direct": 2, "high": 1, "low": 1, "reasoning": 2}


def test_two_models_are_arms_with_their_names() -> None:
    traffic = Traffic()
    traffic.add("a", "Why?", OFF, model="small")
    traffic.add("b", "Why?", OFF, model="large")

    assert traffic.joined().arms == ["large:direct", "small:direct"]


def test_an_answer_as_long_as_the_clients_limit_was_cut_off() -> None:
    traffic = Traffic()
    traffic.add("a", "Why?", ON, tokens=256, max_tokens=256)
    traffic.add("b", "Why?", OFF, tokens=100, max_tokens=256)

    (row,) = traffic.joined().rows

    assert (row.arms["reasoning"].truncated, row.arms["direct"].truncated) == (True, False)
