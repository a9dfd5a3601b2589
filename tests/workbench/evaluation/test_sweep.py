import numpy as np
import pytest

from semrouter_extproc.workbench.evaluation.sweep import sweep

SCORES = np.array([[0.0, 1.0], [0.5, 0.6], [0.9, 0.1]])
TOKENS = np.array([[10.0, 110.0], [10.0, 60.0], [10.0, 210.0]])


def test_the_budget_goes_first_where_a_token_gains_most() -> None:
    # 0.01 of a point a token in the first row, 0.002 in the second, a loss in the third.
    decided = sweep(SCORES, TOKENS)

    assert decided.within(TOKENS, 10).tolist() == [0, 0, 0]
    assert decided.within(TOKENS, (110 + 10 + 10) / 3).tolist() == [1, 0, 0]
    assert decided.within(TOKENS, 1e9).tolist() == [1, 1, 0]


def test_a_budget_that_nothing_meets_gives_the_cheapest_arms() -> None:
    assert sweep(SCORES, TOKENS).within(TOKENS, 0).tolist() == [0, 0, 0]


def test_a_dearer_arm_expected_to_be_worse_is_never_taken() -> None:
    decided = sweep(np.array([[0.5, 0.5], [0.5, 0.4]]), np.array([[1.0, 2.0], [1.0, 2.0]]))

    assert decided.within(np.ones((2, 2)), 1e9).tolist() == [0, 0]


def test_every_row_takes_the_arm_that_its_price_makes_best() -> None:
    rng = np.random.default_rng(3)
    scores, tokens = rng.random((50, 4)), rng.uniform(1, 100, (50, 4))
    decided = sweep(scores, tokens)
    for price in (0.0, 0.001, 0.01, 0.1):
        best = (scores - price * tokens).argmax(axis=1)
        spent = tokens[np.arange(50), best].mean()

        assert decided.within(tokens, spent + 1e-9).tolist() == best.tolist()


def test_rows_of_one_price_are_not_taken_in_the_order_of_the_file() -> None:
    scores, tokens = np.tile([0.0, 1.0], (100, 1)), np.tile([0.0, 1.0], (100, 1))
    half = sweep(scores, tokens).within(tokens, 0.5)

    assert half.sum() == 50
    assert 10 < half[:50].sum() < 40


@pytest.mark.parametrize("price", [0.004, 0.02])
def test_an_arm_below_the_hull_is_passed_over(price: float) -> None:
    # The middle arm is worth less than a mixture of the other two at any price.
    scores, tokens = np.array([[0.0, 0.2, 1.0]]), np.array([[0.0, 50.0, 100.0]])
    budget = float(np.argmax(scores - price * tokens)) * 50

    assert sweep(scores, tokens).within(tokens, budget).item() in {0, 2}
