from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from semrouter_extproc.core.frontier import Aim
from semrouter_extproc.core.ngrams import buckets_of
from semrouter_extproc.workbench.outcomes_fit import (
    FOLDS,
    Learned,
    expected_of,
    folds_of,
    learn_outcomes,
)
from support.paired import GREETING, PUZZLE, KindEncoder, features, paired


@cache
def learned(gain: float, rows: int = 400) -> Learned:
    records = paired(rows, gain=gain)
    return learn_outcomes(records, features(records))


def test_who_gains_is_found_and_sent_to_reason() -> None:
    outcomes = learned(0.4).outcomes
    setting = outcomes.frontier.compiled(Aim.TOKEN_SHARE, 0.52)
    (puzzle, greeting) = (
        outcomes.arm(KindEncoder().encode([text])[0], text, buckets_of(text), setting)
        for text in (f"{PUZZLE} of number 99990", f"{GREETING} of number 99991")
    )
    assert (puzzle, greeting) == ("reasoning", "direct")


def test_the_frontier_foretells_what_new_prompts_reach() -> None:
    fresh = paired(2_000, gain=0.4, seed=1)
    outcomes = learned(0.4).outcomes
    setting = outcomes.frontier.compiled(Aim.TOKEN_SHARE, 0.5)
    arms = expected_of(outcomes, fresh.texts, features(fresh)).worth(setting.price)

    every = np.arange(2_000)
    spent = fresh.tokens[every, arms].mean() / fresh.tokens[:, 1].mean()
    assert spent == pytest.approx(0.5, abs=0.05)
    foretold = outcomes.frontier.read(outcomes.frontier.scores, setting.position)
    assert fresh.scores[every, arms].mean() == pytest.approx(foretold, abs=0.06)


def test_where_nothing_is_gained_arms_are_left_to_lots() -> None:
    found = learned(0.0)
    assert found.gain.low <= 0
    assert found.outcomes.model is None
    assert found.outcomes.frontier.by_lot


def test_few_rows_of_a_real_gain_are_not_relied_on() -> None:
    assert learned(0.1, 40).outcomes.frontier.by_lot


def test_what_is_kept_says_the_same_of_one_prompt_as_of_many() -> None:
    outcomes, text = learned(0.4).outcomes, f"{PUZZLE} of number 12345"
    records = replace(paired(1, gain=0.4), texts=(text,))
    many = expected_of(outcomes, records.texts, features(records))
    one = outcomes.expected(KindEncoder().encode([text])[0], text, buckets_of(text))

    assert one.scores == pytest.approx(many.scores[0], abs=1e-4)
    assert one.tokens == pytest.approx(many.tokens[0], rel=1e-3)


def test_three_arms_are_learned_alike() -> None:
    two = paired(400, gain=0.4)
    records = replace(
        two,
        arms=("small", "large", "thinking"),
        scores=two.scores[:, [0, 1, 1]],
        tokens=np.tile([10.0, 200.0, 900.0], (400, 1)),
    )
    outcomes = learn_outcomes(records, features(records)).outcomes
    # The dearest is as good as the one before it, and four times its price.
    assert outcomes.frontier.arm_shares[:-1, 2].max() == pytest.approx(0, abs=0.1)


def test_the_same_rows_give_the_same_outcomes() -> None:
    records = paired(400, gain=0.4)
    again = learn_outcomes(records, features(records)).outcomes
    first = learned(0.4).outcomes
    assert again.model is not None
    assert first.model is not None
    assert (again.model.weights == first.model.weights).all()


def test_a_text_that_comes_twice_is_left_out_at_once() -> None:
    texts = [f"prompt {number // 2}" for number in range(100)]
    folds = folds_of(texts)
    assert (folds[::2] == folds[1::2]).all()
    assert np.bincount(folds).tolist() == [100 // FOLDS] * FOLDS
