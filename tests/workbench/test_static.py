from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from semrouter_extproc.core.classify import Classification
from semrouter_extproc.core.ngrams import buckets_of
from semrouter_extproc.core.static import StaticModel, classify_static
from semrouter_extproc.workbench import static
from semrouter_extproc.workbench.features import Indices, counted_ngrams
from semrouter_extproc.workbench.progress import Silent
from semrouter_extproc.workbench.static import (
    DIFFERENT_AT_MOST,
    Probabilities,
    StaticTier,
    Taught,
    fit_static,
    leads,
)

LABELS = ("cooking", "law", "travel")
OWN_WORDS = (
    "simmer garlic oven dough whisk marinade broth fry saucepan recipe",
    "statute plaintiff appeal verdict tenant clause liable contract court lawyer",
    "airport hostel visa itinerary ferry luggage border passport hotel beach",
)
COMMON_WORDS = "which how should the best way when is it possible to with and for my two about"

Flags = NDArray[np.bool_]


def texts(category: int, count: int, *, seed: int = 0, own: int = 4) -> Iterator[str]:
    """Yield prompts of four of a category's own words among common ones."""
    rng = np.random.default_rng((seed, category))
    for _ in range(count):
        words = [
            *rng.choice(OWN_WORDS[category].split(), own),
            *rng.choice(COMMON_WORDS.split(), 10 - own),
        ]
        yield " ".join(rng.permutation(words))


def sure(truth: Indices, lead: float = 0.9) -> Probabilities:
    """Return what an encoder says that is always right, and leads by about `lead`."""
    return np.full((len(truth), 3), (1 - lead) / 3) + np.eye(3)[truth] * lead


def rows(per_category: int = 150, *, own: int = 4, seed: int = 0) -> Taught:
    truth = np.repeat(np.arange(3), per_category)
    prompts = [
        text for category in range(3) for text in texts(category, per_category, own=own, seed=seed)
    ]
    return Taught(counted_ngrams(prompts), truth, sure(truth))


def none_judged(given: Taught) -> Flags:
    return np.zeros(len(given.truth), bool)


def fit(given: Taught) -> StaticTier:
    tier = fit_static(given, none_judged(given), LABELS, Silent())
    assert tier is not None
    return tier


@cache
def fitted() -> StaticTier:
    return fit(rows())


def classified(text: str, model: StaticModel) -> Classification:
    return classify_static(buckets_of(text), model)


def test_new_prompts_with_known_words_are_told_apart_with_confidence() -> None:
    tier = fitted()
    found = [classified(text, tier.model) for text in texts(1, 50, seed=1)]
    assert {answer.category for answer in found} == {"law"}
    assert (
        np.mean(leads(np.stack([answer.probabilities for answer in found])) > tier.model.bar) > 0.9
    )


def test_prompts_of_common_words_alone_stay_below_the_bar() -> None:
    tier = fitted()
    found = np.stack([classified(text, tier.model).probabilities for text in texts(0, 50, own=0)])
    assert np.mean(leads(found) >= tier.model.bar) < 0.1


def test_too_few_rows_prove_no_bar() -> None:
    few = rows(per_category=80)
    assert fit_static(few, none_judged(few), LABELS, Silent()) is None


def test_rows_that_words_cannot_tell_apart_have_no_static_tier() -> None:
    alike = rows(own=0)
    assert fit_static(alike, none_judged(alike), LABELS, Silent()) is None


def test_an_encoder_that_is_never_sure_leaves_nothing_to_answer_for_it() -> None:
    clear = rows()
    unsure = Taught(clear.counted, clear.truth, sure(clear.truth, lead=0.05))
    assert fit_static(unsure, none_judged(unsure), LABELS, Silent()) is None


@cache
def judged() -> tuple[Taught, Flags, StaticTier]:
    """Return all rows, which of them are judged, and what is fitted so."""
    every, flags = rows(per_category=130), np.arange(390) % 5 == 0
    tier = fit_static(every, flags, LABELS, Silent())
    assert tier is not None
    return every, flags, tier


def test_judged_rows_take_no_part_in_choosing() -> None:
    every, flags, before = judged()
    counted = every.counted.tolil()
    counted[flags] = rows(per_category=130, seed=7).counted[flags]
    changed = Taught(counted.tocsr(), every.truth, every.taught)
    after = fit_static(changed, flags, LABELS, Silent())
    assert after is not None
    assert (after.model.bar, after.model.temperature) == (
        before.model.bar,
        before.model.temperature,
    )
    assert after.meta.cross_validation == before.meta.cross_validation


def test_judged_rows_are_counted() -> None:
    _, _, tier = judged()
    assert tier.meta.held_out is not None
    assert (tier.meta.cross_validation.rows, tier.meta.held_out.rows) == (312, 78)


def test_judged_rows_are_learned_from_in_the_end() -> None:
    every, flags, tier = judged()
    only_judged = np.setdiff1d(every.counted[flags].indices, every.counted[~flags].indices)
    assert only_judged.size
    assert (tier.model.ngrams.weights[only_judged] != 0).all()


def test_categories_are_right_as_often_as_whoever_answers() -> None:
    judgement = fitted().meta.cross_validation
    assert judgement.encoder_accuracy == 1
    assert judgement.accuracy >= 1 - DIFFERENT_AT_MOST
    assert judgement.answered > 0.9
    assert judgement.differ < DIFFERENT_AT_MOST


def test_fitting_twice_gives_the_same_tier() -> None:
    first, second = fitted(), fit(rows())
    assert first.meta == second.meta
    assert np.array_equal(first.model.ngrams.weights, second.model.ngrams.weights)


def test_texts_without_n_grams_are_learned_from_too() -> None:
    given = rows()
    truth = np.append(given.truth, 0)
    prompts = [text for category in range(3) for text in texts(category, 150)]
    assert (
        fit(Taught(counted_ngrams([*prompts, "?"]), truth, sure(truth))).meta.cross_validation.rows
        == 451
    )


@pytest.mark.parametrize(
    ("probabilities", "lead"), [([0.5, 0.3, 0.2], 0.2), ([0.1, 0.1, 0.8], 0.7), ([0.5, 0.5, 0], 0)]
)
def test_the_lead_is_over_the_next(probabilities: list[float], lead: float) -> None:
    assert leads(np.array([probabilities])).tolist() == pytest.approx([lead])


@hypothesis_settings(deadline=None)  # the first call pays for numpy's warm-up
@given(st.integers(0, 2**32 - 1), st.integers(300, 3000), st.floats(0, 0.3))
def test_above_the_bar_few_decisions_differ(seed: int, count: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    lead = rng.choice(np.linspace(0, 1, 50), count)  # many rows of equal lead
    differ = rng.random(count) < share * (1 - lead)
    bar = static._lowest_bar(lead, differ)
    if bar is not None:
        above = lead >= bar
        assert static._at_most(np.array([(above & differ).sum()]), count) < DIFFERENT_AT_MOST


def test_the_bar_is_as_low_as_that_allows() -> None:
    lead = np.arange(1000) / 1000
    differ = lead < 0.5
    bar = static._lowest_bar(lead, differ)
    assert bar is not None
    assert 0.49 < bar < 0.5
