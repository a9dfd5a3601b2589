"""Resampling and McNemar's test, against scipy's own."""

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap  # type: ignore[import-untyped]

from semrouter_extproc.workbench.evaluation.resampling import (
    RESAMPLES,
    interval,
    resampled_means,
)
from semrouter_extproc.workbench.evaluation.significance import mcnemar


def outcomes(better: int, worse: int, same: int) -> tuple[np.ndarray, np.ndarray]:
    ours = np.repeat([1.0, 0.0, 1.0], [better, worse, same])
    return ours, np.repeat([0.0, 1.0, 1.0], [better, worse, same])


@pytest.mark.parametrize(("better", "worse"), [(3, 9), (9, 3), (0, 6), (1, 1), (40, 61), (0, 0)])
def test_mcnemar_is_the_exact_binomial_test_of_rows_that_differ(better: int, worse: int) -> None:
    found = mcnemar(*outcomes(better, worse, 100))
    expected = binomtest(better, better + worse).pvalue if better + worse else 1.0

    assert (found.better, found.worse) == (better, worse)
    assert found.p == pytest.approx(expected)


def test_mcnemar_of_many_rows_neither_overflows_nor_takes_long() -> None:
    found = mcnemar(*outcomes(10_000, 10_300, 0))

    assert found.p == pytest.approx(binomtest(10_000, 20_300).pvalue)


def test_the_first_figure_is_of_the_rows_as_they_are() -> None:
    columns = np.random.default_rng(1).random((37, 3))

    assert resampled_means(columns)[0] == pytest.approx(columns.mean(axis=0))
    assert len(resampled_means(columns)) == 1 + RESAMPLES


def test_an_interval_is_that_of_scipys_percentile_bootstrap() -> None:
    values = np.random.default_rng(2).random(400)
    theirs = bootstrap((values,), np.mean, method="percentile", n_resamples=RESAMPLES, rng=0)

    assert interval(resampled_means(values[:, None])[:, 0]) == pytest.approx(
        tuple(theirs.confidence_interval), abs=0.003
    )


def test_columns_are_resampled_together() -> None:
    values = np.random.default_rng(4).random(100)
    means = resampled_means(np.column_stack([values, values + 0.25]))

    assert means[:, 1] - means[:, 0] == pytest.approx(0.25)


def test_another_call_draws_the_same_rows() -> None:
    values = np.random.default_rng(5).random((60, 1))

    assert np.array_equal(resampled_means(values), resampled_means(values))
