from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from semrouter_extproc.core.frontier import Frontier, Setting
from semrouter_extproc.core.kernel import KernelModel
from semrouter_extproc.core.ngrams import buckets_of
from semrouter_extproc.core.outcomes import SHARPNESS, Outcomes, drawn, with_lengths
from semrouter_extproc.errors import ArtefactError
from support.kernels import random_units, unit
from support.tiny import silent_ngrams

SPREAD = 20_000
NORTH, EAST = np.eye(2, dtype=np.float32)
TEXT = "a prompt of forty characters in all, yes"


def outcomes() -> Outcomes:
    """Reasoning gains 0.4 for 100 tokens in the north, nothing for 100 tokens in the east."""
    scores = np.array([0.5, 0.7])
    return Outcomes(
        arms=("direct", "reasoning"),
        model=KernelModel(
            landmarks=with_lengths(np.stack([NORTH, EAST]), np.array([len(TEXT)] * 2)),
            weights=np.array([[0, 0.2, 0, 0], [0, -0.2, 0, 0]], np.float32),
            offset=np.array([0.5, 0.7, 10, 110], np.float32),
            ngrams=silent_ngrams(4),
            sharpness=SHARPNESS,
        ),
        frontier=Frontier(
            prices=np.zeros(1),
            arm_shares=np.array([[0.5, 0.5]]),
            token_shares=np.array([0.5]),
            scores=np.array([0.7]),
            lows=np.array([0.6]),
            highs=np.array([0.8]),
            matched=np.array([0.6]),
            arm_scores=scores,
            arm_tokens=np.array([10.0, 110.0]),
            by_lot=False,
        ),
    )


def by_lot() -> Outcomes:
    told_apart = outcomes()
    return replace(told_apart, model=None, frontier=replace(told_apart.frontier, by_lot=True))


def arm_at(vector: NDArray[np.float32], price: float) -> str:
    return outcomes().arm(vector, TEXT, buckets_of(TEXT), Setting(price, None, 0))


def test_an_arm_answers_where_its_gain_is_worth_its_tokens() -> None:
    assert arm_at(NORTH, 0.002) == "reasoning"
    assert arm_at(EAST, 0.002) == "direct"


def test_at_a_high_price_nobody_pays_and_for_nothing_everybody_takes_the_best() -> None:
    assert {arm_at(vector, 0.1) for vector in (NORTH, EAST)} == {"direct"}
    assert {arm_at(vector, 0.0) for vector in (NORTH, EAST)} == {"reasoning"}


def test_expectations_are_what_was_learned_around_a_prompt() -> None:
    expected = outcomes().expected(NORTH, TEXT, buckets_of(TEXT))
    assert expected.scores.tolist() == pytest.approx([0.5, 0.9], abs=0.02)
    assert expected.tokens.tolist() == pytest.approx([10, 110])


def test_without_a_model_every_prompt_is_the_mean() -> None:
    expected = by_lot().expected(NORTH, TEXT, buckets_of(TEXT))
    assert expected.scores.tolist() == [0.5, 0.7]
    assert by_lot().dimensions is None
    assert outcomes().dimensions == 2


def test_lots_give_each_arm_its_share() -> None:
    lots = np.array([0.2, 0.5, 0.3])
    arms = [drawn(f"prompt {number}", lots) for number in range(SPREAD)]
    shares = np.bincount(arms, minlength=3) / SPREAD
    assert shares == pytest.approx(lots, abs=0.015)


def test_the_same_text_draws_the_same_arm() -> None:
    setting = Setting(0.0, np.array([0.5, 0.5]), 0)
    arms = {by_lot().arm(NORTH, "why?", buckets_of("why?"), setting) for _ in range(9)}
    assert len(arms) == 1


def test_all_lots_for_one_arm_leave_nothing_to_others() -> None:
    assert {drawn(f"{number}", np.array([0.0, 1.0])) for number in range(99)} == {1}


def test_vectors_with_lengths_are_alike_by_meaning_and_by_length() -> None:
    vectors = random_units(np.random.default_rng(0), 2)
    rows = with_lengths(np.repeat(vectors, 2, axis=0), np.array([30, 300, 30, 300]))
    alike = np.exp(SHARPNESS * (rows.astype(np.float64) @ rows.T - 1))

    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    meaning, length = alike[0, 2], alike[0, 1]
    assert alike[0, 3] == pytest.approx(meaning * length, rel=1e-3)
    assert meaning == pytest.approx(np.exp(2.5 * (vectors[0] @ vectors[1] - 1)), rel=1e-3)
    assert length < 1e-6


def test_lengths_that_differ_by_a_third_are_alike_to_the_width_of_a_gaussian() -> None:
    one = unit(np.ones((1, 4)))
    near, far = (with_lengths(one, np.array([count]))[0] for count in (300, 405))
    assert np.exp(SHARPNESS * (float(near @ far) - 1)) == pytest.approx(np.exp(-0.5), abs=0.01)


def test_very_long_texts_are_alike() -> None:
    one = unit(np.ones((1, 4)))
    assert (with_lengths(one, np.array([9_000])) == with_lengths(one, np.array([99_000]))).all()


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"arms": ("direct",)}, "at least 2"),
        ({"arms": ("same", "same")}, "different names"),
        ({"arms": ("a", "b", "c")}, "the frontier has 2"),
        ({"model": None}, "by lot"),
    ],
)
def test_what_does_not_fit_together_is_refused(changed: dict[str, object], fault: str) -> None:
    with pytest.raises(ArtefactError, match=fault):
        replace(outcomes(), **changed)  # type: ignore[arg-type]
