from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from semrouter_extproc.core.centroids import SCOPE_SHARES, Centroids
from semrouter_extproc.core.classify import classify
from semrouter_extproc.core.ngrams import buckets_of
from semrouter_extproc.workbench.choose import choose, scope_of
from semrouter_extproc.workbench.features import Features, Indices, counted_ngrams
from semrouter_extproc.workbench.fit import learn_centroids
from semrouter_extproc.workbench.progress import Silent
from semrouter_extproc.workbench.rows import Lessons, Rows
from support.learnable import around_corners, random_prompts, told_by_vectors

LABELS = ("art", "law", "math")
TRUTH = np.arange(150) % 3


def scope(
    familiarity: NDArray[np.float64], truth: Indices, right: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Return the scope of rows of which all are right, unless `right` says otherwise."""
    nothing = Features(np.empty((len(truth), 0), np.float32), counted_ngrams([""] * len(truth)))
    every = np.ones(len(truth), bool)
    return scope_of(familiarity, every if right is None else right, Rows(nothing, truth, LABELS))


def test_scope_rises_from_share_to_share() -> None:
    found = scope(np.random.default_rng(0).normal(size=150), TRUTH)
    assert found.shape == (3, len(SCOPE_SHARES))
    assert found.dtype == np.float32
    assert (np.diff(found) >= 0).all()
    assert (found[:, -1] > found[:, 0]).all()


def test_where_categories_are_alike_scope_is_where_such_a_share_lies() -> None:
    truth = np.arange(30_000) % 3
    familiarity = np.random.default_rng(0).uniform(size=30_000)
    assert np.allclose(scope(familiarity, truth), SCOPE_SHARES, atol=0.01)


def test_a_category_of_many_rows_has_a_scope_of_its_own() -> None:
    truth = np.repeat(np.arange(3), 4000)
    familiarity = np.random.default_rng(0).uniform(size=12_000) + truth
    assert (scope(familiarity, truth)[2, -3:] > 2).all()


def test_a_category_of_few_rows_borrows_from_the_others() -> None:
    truth = np.repeat(np.arange(3), [500, 500, 5])
    familiarity = np.random.default_rng(0).uniform(size=1005) + 5 * (truth == 2)
    few = scope(familiarity, truth)[2]
    assert (few[:4] < 0.1).all()


def test_a_category_that_is_never_found_has_the_scope_of_all() -> None:
    familiarity = np.random.default_rng(0).uniform(size=3000)
    truth = np.arange(3000) % 3
    found = scope(familiarity, truth, truth != 1)
    assert np.allclose(found[1], SCOPE_SHARES, atol=0.05)


def test_rows_taken_for_another_category_have_no_say() -> None:
    familiarity = np.random.default_rng(0).uniform(size=150)
    wrong = np.arange(150) % 10 == 0
    lower = np.where(wrong, familiarity - 100, familiarity)
    assert np.array_equal(scope(lower, TRUTH, ~wrong), scope(familiarity, TRUTH, ~wrong))


def test_about_the_share_asked_for_lies_below_the_bar() -> None:
    truth = np.arange(3000) % 3
    familiarity = np.random.default_rng(1).normal(size=3000)
    found = scope(familiarity, truth)
    for column, share in enumerate(SCOPE_SHARES):
        assert np.mean(familiarity < found[truth, column]) == pytest.approx(share, abs=0.01)


@cache
def learned_by_vectors() -> Centroids:
    """Learn three categories from 300 prompts around as many of eight axes."""
    truth = np.arange(300) % 3
    features = told_by_vectors(np.random.default_rng(0), truth)
    known = Lessons(Rows(features, truth, LABELS), features.where(np.arange(0)), np.arange(0))
    return learn_centroids(known, choose(known, Silent()))


def is_strange(vector: NDArray[np.float32], text: str) -> bool:
    centroids = learned_by_vectors()
    found = classify(vector, buckets_of(text), centroids)
    assert found.familiarity is not None
    return bool(found.familiarity < centroids.familiarity_bars(0.01)[found.index])


@pytest.mark.parametrize("axis", range(3, 8))
def test_a_direction_that_no_category_has_is_out_of_scope(axis: int) -> None:
    assert is_strange(np.eye(8, dtype=np.float32)[axis], "zq xv jjk")


def test_of_new_prompts_of_known_categories_hardly_any_is_out_of_scope() -> None:
    rng = np.random.default_rng(1)
    vectors = around_corners(rng, np.arange(600) % 3)
    strange = map(is_strange, vectors, random_prompts(rng, 600))
    assert np.mean(list(strange)) < 0.03
