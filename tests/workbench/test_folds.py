import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from semrouter_extproc.workbench.folds import FOLDS, stratified_folds, stratified_sample

truths = st.lists(st.integers(5, 60), min_size=3, max_size=3).map(
    lambda sizes: np.random.default_rng(0).permutation(np.repeat(np.arange(3), sizes))
)


@given(truths)
def test_each_categorys_rows_are_spread_evenly_over_the_folds(truth: NDArray[np.intp]) -> None:
    folds = stratified_folds(truth)
    for category in range(3):
        counts = np.bincount(folds[truth == category], minlength=FOLDS)
        assert len(counts) == FOLDS
        assert counts.max() - counts.min() <= 1


def test_rows_are_shuffled_before_they_are_dealt() -> None:
    truth = np.zeros(50, np.intp)
    assert stratified_folds(truth).tolist() != [row % FOLDS for row in range(50)]


def test_dealing_again_gives_the_same_folds() -> None:
    truth = np.repeat(np.arange(4), 25)
    assert np.array_equal(stratified_folds(truth), stratified_folds(truth.copy()))


@given(truths, st.integers(1, 200))
def test_a_sample_has_as_many_distinct_rows_as_asked_for_in_order(
    truth: NDArray[np.intp], most: int
) -> None:
    sample = stratified_sample(truth, most)
    assert len(sample) == min(most, len(truth))
    assert (np.diff(sample) > 0).all()
    assert sample.min() >= 0
    assert sample.max() < len(truth)


@given(truths, st.integers(1, 200))
def test_each_category_is_in_a_sample_in_proportion(truth: NDArray[np.intp], most: int) -> None:
    sample = stratified_sample(truth, most)
    found = np.bincount(truth[sample], minlength=3)
    exact = np.bincount(truth) * len(sample) / len(truth)
    # Each of three counts is rounded, and what that leaves over is dealt to all of them.
    assert (np.abs(found - exact) <= 2).all()


@pytest.mark.parametrize(("most", "expected"), [(100, [60, 30, 10]), (10, [6, 3, 1])])
def test_a_tenth_of_everything_has_a_tenth_of_each_category(most: int, expected: list[int]) -> None:
    truth = np.random.default_rng(0).permutation(np.repeat(np.arange(3), [600, 300, 100]))
    assert np.bincount(truth[stratified_sample(truth, most)]).tolist() == expected


def test_a_sample_is_not_the_first_rows_of_each_category() -> None:
    truth = np.zeros(100, np.intp)
    assert stratified_sample(truth, 20).tolist() != list(range(20))


def test_all_rows_are_their_own_sample() -> None:
    truth = np.repeat(np.arange(2), 5)
    assert stratified_sample(truth, 10).tolist() == list(range(10))


def test_a_smaller_sample_is_part_of_a_larger_one() -> None:
    truth = np.random.default_rng(0).integers(0, 4, 300)
    small, large = stratified_sample(truth, 50), stratified_sample(truth, 120)
    assert set(small.tolist()) < set(large.tolist())


def test_sampling_again_gives_the_same_rows() -> None:
    truth = np.random.default_rng(0).integers(0, 4, 300)
    assert np.array_equal(stratified_sample(truth, 50), stratified_sample(truth.copy(), 50))
