import numpy as np
import pytest
from numpy.typing import NDArray

from semrouter_extproc.core.frontier import Aim
from semrouter_extproc.core.outcomes import Expected
from semrouter_extproc.workbench.tradeoff import (
    Observed,
    learned_frontier,
    lots_frontier,
    worthwhile_prices,
)

ROWS = 4_000


def observed(gains: NDArray[np.float64], *, seed: int = 0) -> Observed:
    rng = np.random.default_rng(seed)
    chances = np.column_stack([np.full(len(gains), 0.4), 0.4 + gains])
    scores = (rng.random(chances.shape) < chances).astype(np.float64)
    tokens = np.column_stack([np.full(len(gains), 20.0), rng.uniform(100, 400, len(gains))])
    return Observed(scores, tokens)


def truth(gains: NDArray[np.float64], tokens: NDArray[np.float64]) -> Expected:
    return Expected(np.column_stack([np.zeros(len(gains)), gains]), tokens)


def test_who_knows_the_gains_beats_lots_at_every_price_between_all_and_nothing() -> None:
    gains = np.random.default_rng(1).uniform(-0.2, 0.5, ROWS)
    seen = observed(gains)
    frontier, gain = learned_frontier(seen, truth(gains, seen.tokens))

    middle = (frontier.token_shares > 0.3) & (frontier.token_shares < 0.7)
    assert (frontier.scores[middle] > frontier.matched[middle]).all()
    assert gain.low > 0.02


def test_who_knows_nothing_gains_nothing_to_rely_on() -> None:
    # Reasoning helps all alike, and the expected gains are noise.
    noise = np.random.default_rng(2).uniform(-0.2, 0.5, ROWS)
    seen = observed(np.full(ROWS, 0.2))
    _, gain = learned_frontier(seen, truth(noise, np.tile([20.0, 250.0], (ROWS, 1))))

    assert gain.low < 0 < gain.high


def test_the_interval_of_the_gain_holds_what_more_rows_would_show() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for seed in range(40):
        gains = rng.choice([0.4, -0.1], 300)
        seen = observed(gains, seed=seed)
        arms = (gains > 0).astype(np.intp)
        above = seen.scores_above_lots(arms)
        error = 1.96 * above.std() / np.sqrt(len(above))
        # Half of the rows gain 0.4; lots for as many tokens gain 0.15 for half of theirs.
        held += abs(above.mean() - (0.5 * 0.4 - 0.5 * 0.15)) <= error
    assert held >= 34


def test_a_budget_on_the_frontier_is_what_it_spends() -> None:
    gains = np.random.default_rng(4).uniform(-0.2, 0.5, ROWS)
    seen = observed(gains)
    expected = truth(gains, seen.tokens)
    frontier, _ = learned_frontier(seen, expected)

    for budget in (0.2, 0.35, 0.5):
        setting = frontier.compiled(Aim.TOKEN_SHARE, budget)
        arms = expected.worth(setting.price)
        spent = seen.tokens[np.arange(ROWS), arms].mean() / seen.tokens[:, 1].mean()
        assert spent == pytest.approx(budget, abs=0.015)


def test_what_loses_is_bought_at_no_price() -> None:
    gains = np.array([0.3, -0.3] * 50)
    seen = observed(gains)
    frontier, _ = learned_frontier(seen, truth(gains, seen.tokens))
    assert frontier.arm_shares[-1].tolist() == [0.5, 0.5]


def test_where_no_arm_gains_the_cheapest_answers_at_any_price() -> None:
    losing = Expected(np.tile([0.5, 0.4], (9, 1)), np.tile([1.0, 9.0], (9, 1)))
    assert worthwhile_prices(losing).tolist() == [0]


def test_lots_leave_out_an_arm_that_others_mix_better() -> None:
    scores = np.tile([0.2, 0.3, 0.8], (9, 1))
    seen = Observed(scores, np.tile([10.0, 60.0, 100.0], (9, 1)))
    assert lots_frontier(seen).arm_shares.tolist() == [[1, 0, 0], [0, 0, 1]]


def test_lots_that_spend_as_much_are_found_between_the_right_arms() -> None:
    scores = np.tile([0.2, 0.7, 0.8], (9, 1))
    seen = Observed(scores, np.tile([10.0, 60.0, 100.0], (9, 1)))
    assert seen.lots_at(80.0).tolist() == pytest.approx([0, 0.5, 0.5])
