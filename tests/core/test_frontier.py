from dataclasses import replace

import numpy as np
import pytest

from semrouter_extproc.core.frontier import Aim, Frontier
from semrouter_extproc.errors import ArtefactError

DEAREST = 1_000.0


def frontier() -> Frontier:
    """Five points: scores rise, then fall below what the dearest arm reaches alone."""
    reasoned = np.array([0.0, 0.25, 0.5, 0.75, 0.9])
    scores = np.array([0.5, 0.6, 0.7, 0.75, 0.74])
    return Frontier(
        prices=np.array([0.01, 0.004, 0.002, 0.001, 0.0]),
        arm_shares=np.column_stack([1 - reasoned, reasoned]),
        token_shares=0.1 + 0.9 * reasoned,
        scores=scores,
        lows=scores - 0.01,
        highs=scores + 0.01,
        matched=0.5 + 0.22 * reasoned,
        arm_scores=np.array([0.5, 0.72]),
        arm_tokens=np.array([100.0, DEAREST]),
        by_lot=False,
    )


def lots() -> Frontier:
    """Two arms that can only be mixed; the dearer one is worth 0.2 for 900 tokens."""
    return replace(
        frontier(),
        prices=np.array([0.2 / 900, 0.0]),
        arm_shares=np.eye(2),
        token_shares=np.array([0.1, 1.0]),
        scores=np.array([0.5, 0.7]),
        lows=np.array([0.4, 0.6]),
        highs=np.array([0.6, 0.8]),
        matched=np.array([0.5, 0.7]),
        by_lot=True,
    )


@pytest.mark.parametrize(
    ("aim", "amount", "price"),
    [
        (Aim.TOKEN_SHARE, 0.55, 0.002),
        (Aim.TOKEN_SHARE, 0.05, 0.01),
        (Aim.TOKEN_SHARE, 1.0, 0.0),
        (Aim.REASONING_SHARE, 0.75, 0.001),
        (Aim.TOKENS_PER_POINT, 10.0, 0.001),
        (Aim.FLOOR_POINTS, 2.0, 0.002),
    ],
)
def test_every_number_compiles_to_a_price(aim: Aim, amount: float, price: float) -> None:
    setting = frontier().compiled(aim, amount)
    assert setting.lots is None
    assert setting.price == pytest.approx(price)


def test_between_two_points_the_price_lies_between_theirs() -> None:
    setting = frontier().compiled(Aim.REASONING_SHARE, 0.625)
    assert setting.price == pytest.approx(0.0015)
    assert frontier().read(frontier().scores, setting.position) == pytest.approx(0.725)


def test_a_floor_takes_the_fewest_tokens_that_hold_it() -> None:
    setting = frontier().compiled(Aim.FLOOR_POINTS, 0.0)
    assert 2 < setting.position < 3


def test_a_floor_that_no_price_holds_is_held_by_the_dearest_arm() -> None:
    out_of_reach = replace(frontier(), arm_scores=np.array([0.5, 0.8]))
    setting = out_of_reach.compiled(Aim.FLOOR_POINTS, 1.0)
    assert setting.lots is not None
    assert setting.lots.tolist() == [0, 1]


def test_a_budget_for_lots_is_the_share_of_each_arm() -> None:
    setting = lots().compiled(Aim.TOKEN_SHARE, 0.55)
    assert setting.lots is not None
    assert setting.lots.tolist() == pytest.approx([0.5, 0.5])


def test_a_floor_for_lots_is_the_share_that_holds_it() -> None:
    setting = replace(lots(), arm_scores=np.array([0.5, 0.7])).compiled(Aim.FLOOR_POINTS, 5.0)
    assert setting.lots is not None
    assert setting.lots.tolist() == pytest.approx([0.25, 0.75])


@pytest.mark.parametrize(("tokens", "arm"), [(30.0, 0), (60.0, 1)])
def test_a_price_for_lots_is_paid_by_all_or_by_none(tokens: float, arm: int) -> None:
    # The dearer arm costs 45 tokens for each point.
    setting = lots().compiled(Aim.TOKENS_PER_POINT, tokens)
    assert setting.lots is not None
    assert setting.lots.tolist() == np.eye(2)[arm].tolist()


def test_points_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ArtefactError, match="do not fit"):
        replace(frontier(), scores=np.zeros(2))
    with pytest.raises(ArtefactError, match="do not fit"):
        replace(frontier(), prices=np.full(5, np.nan))
