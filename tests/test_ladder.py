import asyncio
import gc
import tracemalloc
import weakref
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import structlog.testing
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.core.judge import Judge
from semrouter_extproc.core.learned import Learned
from semrouter_extproc.core.ngrams import BUCKETS, NgramModel, buckets_of
from semrouter_extproc.core.policy import Policy, Reason, Route
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.core.static import StaticModel
from semrouter_extproc.errors import Closed, EncodingFailed, Overloaded
from semrouter_extproc.ladder import Ladder, Submit
from semrouter_extproc.observe.metrics import Metrics, Rung
from support import tiny
from support.outcomes import learned as learned_routes

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
    return StaticModel(("law", "math"), math_words(), temperature, bar)


def math_words() -> NgramModel:
    weights = np.zeros((BUCKETS, 2), np.float32)
    weights[buckets_of(tiny.MATH), 1] = 1
    return NgramModel(np.ones(BUCKETS, np.float32), weights)


SURE = static(bar=0.4)
UNSURE = static(bar=0.9)
CLUELESS = static(bar=0.001, temperature=100.0)


def ladder(
    submit: Submit,
    *,
    static: StaticModel | None = None,
    deadline: float = 5.0,
    cache_bytes: int = MEGABYTE,
    centroids: Centroids | None = None,
    policy: Policy | None = None,
    learned: Learned | None = None,
    shadow: Judge | None = None,
) -> Ladder:
    return Ladder(
        submit,
        Judge(
            centroids=centroids or tiny.centroids(),
            static=static,
            policy=policy or tiny.rules().policy,
            learned=learned,
        ),
        shadow=shadow,
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


async def test_words_decide_where_the_vector_is_doubtful() -> None:
    known = tiny.centroids()
    wordy = replace(known, model=replace(known.model, ngrams=math_words()))

    answer = await ladder(Encoder().submit, centroids=wordy).route(tiny.EITHER)

    assert (answer.rung, answer.choice.category) == (Rung.ENCODER, "math")
    assert answer.choice.reason is Reason.ROUTED


STRANGERS = tiny.rules(familiarity_bars=np.full(2, np.inf)).policy


async def test_a_strange_prompt_takes_the_default_route_and_is_remembered() -> None:
    routes = ladder(Encoder().submit, policy=STRANGERS)

    first, second = await routes.route(tiny.MATH), await routes.route(tiny.MATH)

    assert (first.choice.route.model, first.choice.reason) == ("talker", Reason.OUT_OF_SCOPE)
    assert (first.rung, second.rung) == (Rung.ENCODER, Rung.CACHE)
    assert second.choice == first.choice


async def test_what_words_alone_decide_is_never_strange() -> None:
    answer = await ladder(Encoder().submit, static=SURE, policy=STRANGERS).route(tiny.MATH)

    assert (answer.rung, answer.choice.reason) == (Rung.STATIC, Reason.ROUTED)


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


def open_policy() -> Policy:
    """Let what was learned decide about math; law and the rest do not reason."""
    on, off = Route("thinker", Reasoning.ON), Route("talker", Reasoning.OFF)
    arms = {"reasoning": on, "direct": off}
    return Policy(
        labels=("law", "math"),
        routes={"math": Route("thinker", Reasoning.UNCHANGED, arms=arms), "law": off},
        default=off,
        min_margin=0.1,
    )


async def test_an_open_route_is_settled_by_the_vector_though_words_are_sure() -> None:
    encoder = Encoder()
    open_ladder = ladder(
        encoder.submit, static=SURE, policy=open_policy(), learned=learned_routes()
    )
    answer = await open_ladder.route(tiny.MATH)
    assert (answer.rung, answer.choice.route.reasoning) == (Rung.ENCODER, Reasoning.ON)
    assert encoder.asked == [tiny.MATH]


async def test_a_settled_route_is_remembered() -> None:
    encoder = Encoder()
    open_ladder = ladder(encoder.submit, policy=open_policy(), learned=learned_routes())
    first = await open_ladder.route(tiny.MATH)
    second = await open_ladder.route(tiny.MATH)
    assert (second.rung, second.choice) == (Rung.CACHE, first.choice)


async def test_without_a_vector_an_open_route_takes_the_default() -> None:
    open_ladder = ladder(
        failing(Overloaded("full")), static=SURE, policy=open_policy(), learned=learned_routes()
    )
    answer = await open_ladder.route(tiny.MATH)
    assert (answer.rung, answer.choice.reason) == (Rung.DEFAULT, Reason.OVERLOADED)
    assert answer.choice.route.reasoning is Reasoning.OFF


async def test_a_text_without_ngrams_is_encoded_though_all_categories_go_one_way() -> None:
    encoder = Encoder()
    off = Route("talker", Reasoning.OFF)
    one_way = Policy(
        labels=("law", "math"), routes={"math": off, "law": off}, default=off, min_margin=0.1
    )
    answer = await ladder(encoder.submit, static=SURE, policy=one_way).route("?")
    assert (answer.rung, encoder.asked) == (Rung.ENCODER, ["?"])


def shadow(**changed: Any) -> Judge:
    """Judge as `tiny` does, but for what is `changed`."""
    usual = Judge(tiny.centroids(), static=None, policy=tiny.rules().policy, learned=None)
    return replace(usual, **changed)


def otherwise() -> Policy:
    """Send math to the talker, and law to the thinker."""
    on, off = Route("thinker", Reasoning.ON), Route("talker", Reasoning.OFF)
    return Policy(
        labels=("law", "math"), routes={"law": on, "math": off}, default=off, min_margin=0
    )


async def test_a_shadow_judges_by_the_vector_of_the_encoder() -> None:
    encoder = Encoder()

    answer = await ladder(encoder.submit, shadow=shadow(policy=otherwise())).route(tiny.MATH)

    assert answer.choice.route.model == "thinker"
    assert answer.shadow is not None
    assert answer.shadow.route.model == "talker"
    assert encoder.asked == [tiny.MATH]


async def test_a_shadow_changes_no_answer() -> None:
    alone = await ladder(Encoder().submit).route(tiny.MATH)

    beside = await ladder(Encoder().submit, shadow=shadow(policy=otherwise())).route(tiny.MATH)

    assert (beside.choice, beside.rung) == (alone.choice, alone.rung)


async def test_what_is_remembered_keeps_what_the_shadow_said() -> None:
    routes = ladder(Encoder().submit, shadow=shadow(policy=otherwise()))

    first, second = await routes.route(tiny.MATH), await routes.route(tiny.MATH)

    assert (second.rung, second.shadow) == (Rung.CACHE, first.shadow)


async def test_a_shadow_that_is_sure_of_the_words_needs_no_vector() -> None:
    encoder = Encoder()
    beside = shadow(static=SURE, policy=otherwise())

    answer = await ladder(encoder.submit, static=SURE, shadow=beside).route(tiny.MATH)

    assert (answer.rung, encoder.asked) == (Rung.STATIC, [])
    assert answer.shadow is not None
    assert answer.shadow.route.model == "talker"


@pytest.mark.parametrize("static", [None, UNSURE])
async def test_nothing_is_encoded_for_a_shadow(static: StaticModel | None) -> None:
    encoder = Encoder()

    answer = await ladder(encoder.submit, static=SURE, shadow=shadow(static=static)).route(
        tiny.MATH
    )

    assert (answer.rung, answer.shadow, encoder.asked) == (Rung.STATIC, None, [])


@pytest.mark.parametrize("static", [None, UNSURE], ids=["default", "guess"])
async def test_without_a_vector_a_shadow_says_nothing(static: StaticModel | None) -> None:
    routes = ladder(failing(Overloaded("full")), static=static, shadow=shadow())

    assert (await routes.route(tiny.MATH)).shadow is None
