from functools import cache

import numpy as np
import pytest

from semrouter_extproc.core.classify import probabilities_of
from semrouter_extproc.workbench.choose import (
    NGRAM_SHARES,
    RIDGES,
    SHARPNESSES,
    USUAL,
    Choice,
    choose,
    fitting_temperature,
)
from semrouter_extproc.workbench.features import Features, Indices, counted_ngrams
from semrouter_extproc.workbench.folds import FOLDS, stratified_folds
from semrouter_extproc.workbench.progress import Silent
from semrouter_extproc.workbench.rows import Lessons, Rows
from semrouter_extproc.workbench.scores import log_loss
from support.kernels import random_units
from support.learnable import random_features, told_by_vectors, told_by_words

LABELS = ("art", "law", "math")
TRUTH = np.arange(150) % 3


def lessons_of(features: Features, truth: Indices = TRUTH) -> Lessons:
    """Return rows to learn from, without disturbed copies."""
    none = np.arange(0)
    return Lessons(Rows(features, truth, LABELS), features.where(none), none)


@cache
def by_words() -> Choice:
    return choose(lessons_of(told_by_words(np.random.default_rng(1), TRUTH)), Silent())


@cache
def by_vectors() -> Choice:
    return choose(lessons_of(told_by_vectors(np.random.default_rng(1), TRUTH)), Silent())


def accuracy(choice: Choice) -> float:
    return float(np.mean(choice.probabilities.argmax(axis=1) == TRUTH))


def test_words_are_given_a_larger_share_where_they_tell_than_where_vectors_do() -> None:
    assert by_words().settings.ngram_share > by_vectors().settings.ngram_share


def test_settings_are_among_those_tried() -> None:
    for settings in (by_words().settings, by_vectors().settings):
        assert settings.sharpness in SHARPNESSES
        assert settings.ridge in RIDGES


def test_the_usual_settings_are_among_those_tried() -> None:
    assert USUAL.sharpness in SHARPNESSES
    assert USUAL.ngram_share in NGRAM_SHARES
    assert USUAL.ridge in RIDGES


def test_rows_left_out_are_told_apart_where_there_is_a_rule() -> None:
    assert accuracy(by_words()) > 0.8
    assert accuracy(by_vectors()) > 0.8


def test_rows_are_judged_by_models_that_have_not_seen_them() -> None:
    without_a_rule = choose(lessons_of(random_features(np.random.default_rng(2), 150)), Silent())
    assert accuracy(without_a_rule) < 0.5
    assert without_a_rule.probabilities.max(axis=1).mean() < 0.5


def test_copies_of_rows_left_out_are_left_out_too() -> None:
    features = random_features(np.random.default_rng(2), 150)
    twice = Lessons(Rows(features, TRUTH, LABELS), features, np.arange(150))
    assert accuracy(choose(twice, Silent())) < 0.5


def test_only_rows_are_judged_not_their_copies() -> None:
    features = random_features(np.random.default_rng(2), 150)
    some = Lessons(Rows(features, TRUTH, LABELS), features.where(np.arange(9)), np.arange(9))
    assert choose(some, Silent()).probabilities.shape == (150, 3)


def test_choosing_twice_gives_the_same() -> None:
    again = choose(lessons_of(told_by_words(np.random.default_rng(1), TRUTH)), Silent())
    assert (again.settings, again.temperature) == (by_words().settings, by_words().temperature)
    assert np.array_equal(again.probabilities, by_words().probabilities)
    assert np.array_equal(again.scope, by_words().scope)


@pytest.mark.parametrize("warmth", [0.4, 1.0, 4.0])
def test_the_temperature_is_found_that_labels_were_drawn_with(warmth: float) -> None:
    rng = np.random.default_rng(0)
    support = rng.normal(size=(20_000, 3))
    probabilities = probabilities_of(support, warmth)
    truth = (probabilities.cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    assert fitting_temperature(support, truth) == pytest.approx(warmth, rel=0.1)


def test_no_other_temperature_near_has_a_lower_loss() -> None:
    rng = np.random.default_rng(3)
    support, truth = rng.normal(size=(300, 3)), rng.integers(0, 3, 300)
    support[np.arange(300), truth] += 1
    found = fitting_temperature(support, truth)
    losses = [
        log_loss(probabilities_of(support, found * change), truth) for change in (0.9, 1, 1.1)
    ]
    assert losses.index(min(losses)) == 1


def test_a_few_rows_that_all_come_out_right_do_not_make_certain() -> None:
    truth = np.arange(6) % 3
    support = np.eye(3)[truth]
    assert fitting_temperature(support, truth) == pytest.approx(0.2)


def contradictory() -> Lessons:
    """Return twins with opposite labels of which none is ever in the fold of the other."""
    truth = np.repeat([0, 1], 25)
    ranks, twins = stratified_folds(truth), np.empty(50, np.intp)
    for fold in range(FOLDS):
        twins[(truth == 0) & (ranks == fold)] = np.arange(5) + 5 * fold
        twins[(truth == 1) & (ranks == (fold + 1) % FOLDS)] = np.arange(5) + 5 * fold
    vectors = random_units(np.random.default_rng(0), 25)[twins]
    words = counted_ngrams([f"{'abcdefghijklmnopqrstuvwxyz'[twin] * 7}" for twin in twins])
    return lessons_of(Features(vectors, words), truth)


def test_rows_of_which_none_comes_out_right_can_be_chosen_by() -> None:
    choice = choose(contradictory(), Silent())
    assert (choice.probabilities.argmax(axis=1) != contradictory().rows.truth).all()
    assert np.isfinite(choice.scope).all()
