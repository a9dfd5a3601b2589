"""Requests of the past under other rules, by the real router."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from semrouter_extproc.core.apis import CHAT_COMPLETIONS
from semrouter_extproc.core.policy import Decision, Reason, untouched
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.core.rules import Clients
from semrouter_extproc.errors import ConfigError, EncodingFailed
from semrouter_extproc.workbench.progress import Silent
from semrouter_extproc.workbench.recorded import Recorded
from semrouter_extproc.workbench.replay import (
    Pair,
    Vectors,
    Way,
    changes,
    comparable,
    decide,
    shares,
    way_of,
)
from semrouter_extproc.workbench.token_means import estimate, read_token_means
from support import tiny

ON = Decision("qwen3", Reasoning.ON, Reason.ROUTED, "math", 0.9)
OFF = Decision("qwen3", Reasoning.OFF, Reason.ROUTED, "math", 0.9)
LAW = Decision("qwen3", Reasoning.OFF, Reason.ROUTED, "law", 0.9)


def asked(name: str, prompt: str, decision: Decision | None = None) -> Recorded:
    body = {"model": "auto", "messages": [{"role": "user", "content": prompt}]}
    return Recorded(name, CHAT_COMPLETIONS, json.dumps(body).encode(), decision)


class CountingEncoder:
    """The tiny router's vectors; counts what it is asked to encode."""

    fingerprint = "tiny@sha256:0"
    dimensions = 2
    workers = 2
    batch_cost = 100

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def tokenize(self, texts: Sequence[str]) -> Sequence[str]:
        return texts

    def encode(self, batch: Sequence[str]) -> NDArray[np.float32]:
        self.batches.append(list(batch))
        return np.array([tiny.VECTORS[text] for text in batch], np.float32)


async def test_each_text_is_encoded_once_and_alone_for_both_configurations() -> None:
    encoder = CountingEncoder()
    vectors = Vectors(encoder)
    requests = [asked(str(number), [tiny.MATH, tiny.LAW][number % 2]) for number in range(6)]
    before = await decide(tiny.router(vectors.submit), requests, 4, Silent())
    doubtful = tiny.router(vectors.submit, rules=tiny.rules(min_margin=1.0))
    after = await decide(doubtful, requests, 4, Silent())

    assert sorted(encoder.batches) == [[tiny.MATH], [tiny.LAW]]
    assert [each.model for each in before] == ["thinker", "talker"] * 3
    assert [each.model for each in after] == ["talker"] * 6


async def test_a_wish_that_was_recorded_counts_again() -> None:
    listening = tiny.router(rules=tiny.rules(clients=Clients(header_counts=True)))
    request = asked("a", tiny.LAW)
    wishing = Recorded("b", request.api, request.body, wish="on")

    plain, wished = await decide(listening, [request, wishing], 1, Silent())

    assert plain.reasoning is Reasoning.OFF
    assert wished.reasoning is Reasoning.ON


async def test_an_encoder_that_fails_passes_no_gate() -> None:
    async def submit(_: str) -> NDArray[np.float32]:
        await asyncio.sleep(0)
        raise EncodingFailed("it is gone")

    with pytest.raises(EncodingFailed, match="1 encoder_error"):
        await decide(tiny.router(submit), [asked("a", tiny.MATH)], 1, Silent())


def test_changes_are_gathered_by_category_and_way_with_their_ids() -> None:
    pairs = [Pair(str(number), OFF, ON) for number in range(5)]
    pairs += [Pair("x", LAW, ON), Pair("y", ON, ON)]

    (first, second) = changes(pairs)

    assert (first.category, first.requests, first.examples) == ("math", 5, ["0", "1", "2"])
    assert (first.before, first.after) == (Way("qwen3", "off"), Way("qwen3", "on"))
    assert (second.category, second.examples) == ("law", ["x"])
    assert [(each.category, each.requests, each.changed) for each in shares(pairs)] == [
        ("math", 6, 5),
        ("law", 1, 1),
    ]


def test_a_request_that_is_refused_goes_another_way_than_one_that_passes() -> None:
    passed = untouched(Reason.PINNED_MODEL)
    refused = untouched(Reason.UNKNOWN_MODEL)

    assert Pair("a", passed, refused).is_changed
    assert str(way_of(refused)) == "refused"


def test_another_category_that_goes_the_same_way_is_no_change() -> None:
    assert not Pair("a", OFF, LAW).is_changed


def test_only_what_has_a_text_and_a_settled_decision_is_compared_with_it() -> None:
    late = Decision("qwen3", Reasoning.OFF, Reason.DEADLINE)
    recorded = [
        asked("a", "Why?", ON),
        asked("b", "Why?"),
        asked("c", "Why?", late),
        Recorded("d", CHAT_COMPLETIONS, b"{}", ON, redacted=True),
    ]

    alone = comparable(recorded, needs_decision=True)
    against = comparable(recorded, needs_decision=False)

    assert [row.id for row in alone.requests] == ["a"]
    assert sum(alone.skipped.values()) == 3
    assert [row.id for row in against.requests] == ["a", "b", "c"]


def test_nothing_to_compare_is_said_with_its_reason() -> None:
    with pytest.raises(ConfigError, match="none can be compared: 1 without a recorded decision"):
        comparable([asked("a", "Why?")], needs_decision=True)


LOG = [
    {"request_id": "a", "model": "qwen3", "reasoning": "on", "completion_tokens": 900},
    {"request_id": "b", "model": "qwen3", "reasoning": "on", "completion_tokens": 700},
    {"request_id": "c", "model": "qwen3", "reasoning": "off", "completion_tokens": 100},
    {"request_id": "d", "model": "qwen3", "reasoning": "off"},
]
RECORDS = [
    {
        "text": "Why?",
        "direct": {"score": 0, "tokens": 50},
        "reasoning": {"score": 1, "tokens": 400},
    }
]


@pytest.mark.parametrize(("rows", "on", "off"), [(LOG, 800, 100), (RECORDS, 400, 50)])
def test_tokens_are_the_means_of_a_log_or_of_records(
    tmp_path: Path, rows: list[object], on: float, off: float
) -> None:
    file = tmp_path / "tokens"
    file.write_text("\n".join(map(json.dumps, rows)))

    means = read_token_means(file)

    assert (means.of(way_of(ON)), means.of(way_of(OFF))) == (on, off)


def test_ways_without_a_mean_are_told_and_never_guessed(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    file.write_text("\n".join(map(json.dumps, LOG)))
    high = Decision("qwen3", Reasoning.HIGH, Reason.ROUTED)
    pairs = [Pair("a", OFF, ON), Pair("b", OFF, high)]

    found = estimate(pairs, read_token_means(file))

    assert (found.requests, found.before, found.after) == (1, 100, 800)
    assert found.unknown == {"qwen3, high": 1}
