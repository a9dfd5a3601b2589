import numpy as np
import pytest

from semrouter_extproc.workbench.scores import (
    expected_calibration_error,
    judge,
    log_loss,
    per_category,
)

# Three rows of law (two found), one of math (found); one law taken for math.
PROBABILITIES = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]])
TRUTH = np.array([0, 0, 0, 1])


def test_precision_recall_and_f1_by_hand() -> None:
    law, math = per_category(PROBABILITIES, TRUTH, ["law", "math"])
    assert (law.category, law.rows) == ("law", 3)
    assert (law.precision, law.recall) == pytest.approx((1.0, 2 / 3))
    assert (math.precision, math.recall) == pytest.approx((0.5, 1.0))
    assert (law.f1, math.f1) == pytest.approx((0.8, 2 / 3))


def test_a_category_that_is_never_found_scores_zero() -> None:
    (_, never) = per_category(np.array([[1.0, 0.0]]), np.array([0]), ["law", "math"])
    assert (never.rows, never.precision, never.recall, never.f1) == (0, 0, 0, 0)


def test_log_loss_by_hand() -> None:
    expected = -np.log([0.9, 0.8, 0.3, 0.6]).mean()
    assert log_loss(PROBABILITIES, TRUTH) == pytest.approx(expected)


def test_log_loss_of_certainty_about_the_wrong_thing_is_finite() -> None:
    assert np.isfinite(log_loss(np.array([[1.0, 0.0]]), np.array([1])))


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    # Ten rows, all 0.75 sure, five right: the gap is a quarter.
    probabilities = np.tile([0.75, 0.25], (10, 1))
    truth = np.array([0, 1] * 5)
    assert expected_calibration_error(probabilities, truth) == pytest.approx(0.25)


def test_a_judgement_holds_the_same_figures() -> None:
    found = judge(PROBABILITIES, TRUTH)
    assert (found.rows, found.accuracy, found.macro_f1) == (4, 0.75, 0.7333)
