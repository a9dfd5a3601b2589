import numpy as np
import pytest

from semrouter_extproc.workbench.evaluation.baselines import by_category, by_neighbours
from semrouter_extproc.workbench.evaluation.policies import (
    arms_worth_mixing,
    at_random,
    by_hindsight,
    by_table,
)

SCORES = np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
TOKENS = np.array([[10.0, 100.0], [10.0, 100.0], [10.0, 100.0], [90.0, 80.0]])


def test_hindsight_takes_the_best_answer_and_then_the_cheapest() -> None:
    assert by_hindsight(SCORES, TOKENS).argmax(axis=1).tolist() == [1, 0, 0, 1]


def test_a_table_gives_the_dearest_arm_where_it_says_so_and_the_cheapest_elsewhere() -> None:
    shares = by_table(["math", "law", "unheard of"], {"math": True, "law": False}, 3)

    assert shares.argmax(axis=1).tolist() == [2, 0, 0]


def test_random_arms_spend_what_they_are_told() -> None:
    shares = at_random(SCORES, TOKENS, 70.0)

    assert (shares * TOKENS).sum(axis=1).mean() == pytest.approx(70)
    assert shares.sum(axis=1) == pytest.approx(1)
    assert np.ptp(shares, axis=0) == pytest.approx(0)


def test_random_arms_beyond_all_arms_are_the_nearest_of_them() -> None:
    assert at_random(SCORES, TOKENS, 1e6)[0].tolist() == [0, 1]
    assert at_random(SCORES, TOKENS, 0)[0].tolist() == [1, 0]


def test_only_arms_on_the_hull_are_mixed() -> None:
    tokens = np.array([1.0, 2.0, 3.0, 4.0])

    assert arms_worth_mixing(np.array([0.1, 0.2, 0.8, 0.9]), tokens).tolist() == [0, 2, 3]
    assert arms_worth_mixing(np.array([0.9, 0.2, 0.8, 0.1]), tokens).tolist() == [0, 2, 3]


def test_neighbours_are_asked_from_other_folds_alone() -> None:
    vectors = np.eye(2, dtype=np.float32)[[0, 0, 1, 1]]
    expected = by_neighbours(vectors, SCORES, TOKENS, np.array([0, 1, 0, 1]), neighbours=1)

    assert expected.scores.tolist() == SCORES[[1, 0, 3, 2]].tolist()
    assert expected.tokens.tolist() == TOKENS[[1, 0, 3, 2]].tolist()


def test_more_neighbours_than_rows_are_all_rows() -> None:
    vectors = np.eye(4, dtype=np.float32)
    expected = by_neighbours(vectors, SCORES, TOKENS, np.array([0, 0, 1, 1]), neighbours=40)

    assert expected.scores[0].tolist() == SCORES[2:].mean(axis=0).tolist()


def test_a_category_is_expected_to_do_as_in_other_folds() -> None:
    folds = np.array([0, 1, 0, 1])
    expected = by_category(["a", "a", "b", "c"], SCORES, TOKENS, folds)

    assert expected.scores[0].tolist() == SCORES[1].tolist()
    # No other row has the category: the mean of all in the other fold.
    assert expected.scores[2].tolist() == SCORES[[1, 3]].mean(axis=0).tolist()
