import numpy as np
import pytest

from semrouter_extproc.workbench.evaluation.classification import report_classification
from semrouter_extproc.workbench.examples import Example
from semrouter_extproc.workbench.scores import Bin, Confusion, confusions, reliability, wilson

LABELS = ("law", "math", "physics")
TRUTH = [0, 0, 1, 1, 2]
FOUND = [0, 1, 1, 2, 1]
CONFIDENCES = [0.9, 0.8, 0.7, 0.5, 0.6]
PROBABILITIES = np.array(
    [
        [sure if label == found else (1 - sure) / 2 for label in range(3)]
        for found, sure in zip(FOUND, CONFIDENCES, strict=True)
    ]
)
EXAMPLES = [Example(f"row/{at}", "text", LABELS[of]) for at, of in enumerate(TRUTH)]
TABLE = {"law": False, "math": True, "physics": True}


def test_accuracy_and_switch_by_hand() -> None:
    found = report_classification(EXAMPLES, PROBABILITIES, LABELS, TABLE)

    assert (found.rows, found.accuracy) == (5, 0.4)
    assert found.ci95 == wilson(2, 5)
    assert found.switch is not None
    # Math taken for physics and the reverse reason all the same; one of law should not.
    assert (found.switch.accuracy, found.switch.needless, found.switch.missed) == (0.8, 0.2, 0)


def test_a_table_that_knows_not_every_category_is_not_judged_by() -> None:
    found = report_classification(EXAMPLES, PROBABILITIES, LABELS, {"law": True})

    assert found.switch is None


def test_the_errors_that_are_surest_come_first_and_by_id() -> None:
    found = report_classification(EXAMPLES, PROBABILITIES, LABELS, TABLE)

    assert [error.id for error in found.surest_errors] == ["row/1", "row/4", "row/3"]
    assert found.surest_errors[0].taken_for == "math"
    assert found.surest_errors[0].confidence == pytest.approx(0.8)


def test_categories_without_a_row_do_not_count_in_the_macro_mean() -> None:
    only_law = [Example("row", "text", "law")]
    found = report_classification(only_law, np.array([[0.8, 0.1, 0.1]]), LABELS, TABLE)

    assert found.macro_f1 == 1


def test_confusions_are_counted_and_the_most_frequent_come_first() -> None:
    twice = confusions(np.tile(PROBABILITIES, (2, 1))[:9], np.array(TRUTH * 2)[:9], LABELS)

    assert twice == (
        Confusion("law", "math", 2),
        Confusion("math", "physics", 2),
        Confusion("physics", "math", 1),
    )


def test_reliability_bins_hold_rows_of_like_confidence() -> None:
    probabilities = np.array([[0.99, 0.01], [0.98, 0.02], [0.55, 0.45], [0.45, 0.55]])
    unsure, sure = reliability(probabilities, np.array([0, 0, 0, 0]))

    assert unsure == Bin(2, unsure.confidence, 0.5, wilson(1, 2))
    assert unsure.confidence == pytest.approx(0.55)
    assert sure == Bin(2, sure.confidence, 1.0, wilson(2, 2))
    assert sure.confidence == pytest.approx(0.985)


def test_wilson_s_interval_is_that_of_the_literature() -> None:
    # Brown, Cai and DasGupta's formula, as scipy computes it.
    from scipy.stats import binomtest  # type: ignore[import-untyped]  # noqa: PLC0415

    for successes, rows in ((0, 10), (3, 10), (10, 10), (812, 1000)):
        expected = binomtest(successes, rows).proportion_ci(method="wilson")
        assert wilson(successes, rows) == pytest.approx(tuple(expected), abs=1e-6)
