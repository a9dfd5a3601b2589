import asyncio
import gc
import tracemalloc
import weakref
from collections.abc import Sequence

import numpy as np
import pytest
import structlog.testing
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from semrouter_extproc.core.policy import Reason
from semrouter_extproc.core.static import BUCKETS, StaticModel, buckets_of
from semrouter_extproc.errors import Closed, EncodingFailed, Overloaded
from semrouter_extproc.ladder import Ladder, Submit
from semrouter_extproc.observe.metrics import Metrics, Rung
from support import tiny

MEGABYTE = 1024 * 1024


class Encoder:
    """Knows the vectors of all texts, and counts who asks."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def submit(self, text: str) -> NDArray[np.float32]:
        self.asked.append(text)
        return np.array(tiny.VECTORS.get(text, (0.6, 0.8)), np.float32)


def failing(error: Exception) -> Submit:
    async def submit(_: str) -> NDArray[np.float32]:
        raise error

    return submit


async def never(_: str) -> NDArray[np.float32]:
    await asyncio.Event().wait()
    raise AssertionError


def static(*, bar: float = 0.9, temperature: float = 3.0) -> StaticModel:
    """Take the words of `tiny.MATH` for math: at the usual temperature with a lead of 0.5."""
    weights = np.zeros((BUCKETS, 2), np.float32)
    weights[buckets_of(tiny.MATH), 1] = 1
    return StaticModel(
        labels=("law", "math"),
        weights=weights,
        rarity=np.ones(BUCKETS, np.float32),
        temperature=temperature,
        bar=bar,
    )


SURE = static(bar=0.4)
UNSURE = static(bar=0.9)
CLUELESS = static(bar=0.001, temperature=100.0)


def ladder(
    submit: Submit,
    *,
    static: StaticModel | None = None,
    deadline: float = 5.0,
    cache_bytes: int = MEGABYTE,
) -> Ladder:
    return Ladder(
        submit,
        centroids=tiny.centroids(),
        static=static,
        policy=tiny.rules().policy,
        deadline=deadline,
        cache_bytes=cache_bytes,
        metrics=Metrics(CollectorRegistry()),
    )


async def rungs(ladder: Ladder, texts: Sequence[str]) -> list[Rung]:
    return [(await ladder.route(text)).rung for text in texts]


async def test_the_encoder_answers_what_nobody_else_can() -> None:
    answer = await ladder(Encoder().submit).route(tiny.MATH)

    assert answer.rung is Rung.ENCODER
    assert answer.choice.route.model == "thinker"
    assert answer.choice.reason is Reason.ROUTED
    assert answer.classification is not None
    assert answer.classification.category == "math"


async def test_a_doubtful_vector_is_an_answer_too() -> None:
    answer = await ladder(Encoder().submit).route(tiny.EITHER)

    assert (answer.rung, answer.choice.reason) == (Rung.ENCODER, Reason.LOW_MARGIN)


async def test_a_text_seen_before_is_not_encoded_again() -> None:
    encoder = Encoder()
    routes = ladder(encoder.submit)

    first, second = await routes.route(tiny.MATH), await routes.route(tiny.MATH)

    assert (first.rung, second.rung) == (Rung.ENCODER, Rung.CACHE)
    assert second.choice == first.choice
    assert encoder.asked == [tiny.MATH]


async def test_texts_that_differ_in_what_cannot_be_encoded_are_different_texts() -> None:
    encoder = Encoder()

    await rungs(ladder(encoder.submit), ["a \ud800", "a \ud801", "a ?", "a \ud800"])

    assert encoder.asked == ["a \ud800", "a \ud801", "a ?"]


async def test_a_sure_static_tier_spares_the_encoder() -> None:
    encoder = Encoder()

    answer = await ladder(encoder.submit, static=SURE).route(tiny.MATH)

    assert (answer.rung, answer.choice.route.model) == (Rung.STATIC, "thinker")
    assert answer.classification is not None
    assert encoder.asked == []


async def test_below_its_bar_the_static_tier_leaves_the_answer_to_the_encoder() -> None:
    encoder = Encoder()
    routes = ladder(encoder.submit, static=UNSURE)

    assert await rungs(routes, [tiny.MATH, tiny.MATH]) == [Rung.ENCODER, Rung.CACHE]


async def test_a_static_tier_is_never_sure_of_a_lead_that_the_policy_finds_too_small() -> None:
    assert await rungs(ladder(Encoder().submit, static=CLUELESS), [tiny.MATH]) == [Rung.ENCODER]


FAILURES = [
    (failing(Overloaded("full")), Reason.OVERLOADED),
    (failing(Closed("stopping")), Reason.OVERLOADED),
    (failing(EncodingFailed("NaN")), Reason.ENCODER_ERROR),
    (never, Reason.DEADLINE),
]


@pytest.mark.parametrize(("submit", "reason"), FAILURES)
async def test_without_the_encoder_an_unsure_guess_is_better_than_none(
    submit: Submit, reason: Reason
) -> None:
    answer = await ladder(submit, static=UNSURE, deadline=0.01).route(tiny.MATH)

    assert (answer.rung, answer.choice.route.model) == (Rung.GUESS, "thinker")
    assert answer.choice.reason is reason
    assert answer.classification is not None


@pytest.mark.parametrize("static", [None, CLUELESS], ids=["no static tier", "a clueless one"])
@pytest.mark.parametrize(("submit", "reason"), FAILURES)
async def test_without_encoder_and_guess_the_default_route_is_taken(
    submit: Submit, reason: Reason, static: StaticModel | None
) -> None:
    answer = await ladder(submit, static=static, deadline=0.01).route(tiny.MATH)

    assert (answer.rung, answer.choice.reason) == (Rung.DEFAULT, reason)
    assert answer.choice.route.model == "talker"
    assert answer.classification is None


async def test_no_text_takes_the_default_and_asks_nobody() -> None:
    encoder = Encoder()

    answer = await ladder(encoder.submit, static=SURE).route("")

    assert (answer.rung, answer.choice.reason) == (Rung.DEFAULT, Reason.NO_PROMPT)
    assert encoder.asked == []


async def test_a_bug_of_the_encoder_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        await ladder(failing(ZeroDivisionError()), static=UNSURE).route(tiny.MATH)


@pytest.mark.parametrize("static", [None, UNSURE], ids=["default", "guess"])
async def test_what_is_not_trusted_is_not_remembered(static: StaticModel | None) -> None:
    class Recovering(Encoder):
        async def submit(self, text: str) -> NDArray[np.float32]:
            vector = await super().submit(text)
            if len(self.asked) == 1:
                raise Overloaded("full")
            return vector

    found = await rungs(ladder(Recovering().submit, static=static), [tiny.MATH] * 3)

    assert found[1:] == [Rung.ENCODER, Rung.CACHE]


async def test_a_sure_answer_of_the_static_tier_is_remembered_too() -> None:
    routes = ladder(Encoder().submit, static=SURE)

    first, second = await routes.route(tiny.MATH), await routes.route(tiny.MATH)

    assert (first.rung, second.rung) == (Rung.STATIC, Rung.CACHE)
    assert second.choice == first.choice


async def test_a_cache_of_no_bytes_is_switched_off() -> None:
    found = await rungs(ladder(Encoder().submit, cache_bytes=0), [tiny.MATH] * 2)

    assert found == [Rung.ENCODER] * 2


async def test_a_full_cache_forgets_what_was_not_asked_for_longest() -> None:
    encoder = Encoder()
    routes = ladder(encoder.submit, cache_bytes=3000)

    await rungs(
        routes, ["often", *(word for number in range(50) for word in (str(number), "often"))]
    )

    assert encoder.asked.count("often") == 1
    assert await rungs(routes, ["49", "0"]) == [Rung.CACHE, Rung.ENCODER]


async def test_the_cache_takes_no_more_memory_than_it_may() -> None:
    async def submit(_: str) -> NDArray[np.float32]:
        await asyncio.sleep(0)
        return np.array([0.6, 0.8], np.float32)

    routes = ladder(submit, cache_bytes=MEGABYTE)
    tracemalloc.start()
    try:
        for number in range(3000):
            await routes.route(f"text {number}")
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 0.5 * MEGABYTE < taken < 1.1 * MEGABYTE


async def unreachable(_: str) -> NDArray[np.float32]:
    raise EncodingFailed("nobody listens")


@pytest.mark.parametrize("submit", [tiny.submit, unreachable, never])
async def test_no_prompt_stays_in_memory(submit: Submit) -> None:
    class Prompt(str):
        """A text whose end can be watched."""

        __slots__ = ("__weakref__",)

    routes = ladder(submit, static=UNSURE, deadline=0.01)
    prompt = Prompt(tiny.MATH)
    watched = weakref.ref(prompt)

    await routes.route(prompt)
    del prompt
    await asyncio.sleep(0)
    gc.collect()

    assert watched() is None


async def test_the_failure_of_a_batch_is_logged_once_and_the_next_again() -> None:
    failures = [EncodingFailed("first")] * 3 + [EncodingFailed("second")] * 2

    async def submit(_: str) -> NDArray[np.float32]:
        raise failures.pop(0)

    routes = ladder(submit)
    with structlog.testing.capture_logs() as lines:
        for _ in range(5):
            await routes.route(tiny.MATH)

    assert [line["error"] for line in lines] == ["first", "second"]


async def test_the_same_new_text_at_the_same_time_is_answered_to_everyone() -> None:
    routes = ladder(tiny.submit)

    answers = await asyncio.gather(*(routes.route(tiny.MATH) for _ in range(10)))

    assert {answer.choice.route.model for answer in answers} == {"thinker"}
