"""What it costs to ask learned outcomes about a prompt whose vector and n-grams are at hand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from interleaved import Spread, take_turns
from random_centroids import random_centroids
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it has none

from semrouter_extproc.core.frontier import Frontier, Setting
from semrouter_extproc.core.ngrams import BUCKETS
from semrouter_extproc.core.outcomes import LENGTH_DIMENSIONS, Outcomes
from semrouter_extproc.workbench.outcomes_fit import MOST_LANDMARKS

LANDMARKS: Final = (512, MOST_LANDMARKS, 6_144)
ARMS: Final = ("direct", "reasoning")
DIMENSIONS: Final = 384
NGRAMS: Final = 450
"""Of one prompt: those of MMLU-Pro have as many in the mean."""

ROUNDS: Final = 400


@dataclass(frozen=True, slots=True)
class Cost:
    """The seconds of one decision with so many landmarks, on one thread."""

    landmarks: int
    seconds: Spread


def serving_costs() -> tuple[Cost, ...]:
    """Time `Outcomes.arm` by the number of landmarks."""
    with threadpool_limits(1, user_api="blas"):
        actions = {str(count): deciding(count) for count in LANDMARKS}
        seconds = take_turns(actions, rounds=ROUNDS)
    return tuple(Cost(count, Spread.of(seconds[str(count)])) for count in LANDMARKS)


def deciding(landmarks: int) -> Callable[[], str]:
    """Return a decision to time; the numbers are random, time does not depend on them."""
    # Outcomes are a kernel machine like centroids, with a score and tokens for each arm.
    model = random_centroids(landmarks, 2 * len(ARMS), DIMENSIONS + LENGTH_DIMENSIONS).model
    outcomes = Outcomes(ARMS, model, _frontier())
    random = np.random.default_rng(0)
    vector = random.standard_normal(DIMENSIONS, np.float32)
    vector /= np.linalg.norm(vector)
    buckets = np.sort(random.choice(BUCKETS, NGRAMS, replace=False)).astype(np.uint16)
    setting = Setting(price=0.0001, lots=None, position=0.0)
    return lambda: outcomes.arm(vector, "a question of usual length " * 20, buckets, setting)


def sentence(costs: tuple[Cost, ...]) -> str:
    """Return the figures as a line."""
    each = ", ".join(
        f"{cost.seconds.median * 1e6:,.0f} with {cost.landmarks:,} landmarks "
        f"({cost.seconds.quick * 1e6:,.0f})"
        for cost in costs
    )
    return (
        f"Microseconds of one thread for a decision, the median of {ROUNDS} (and what the quickest "
        f"tenth stayed below), for a prompt whose vector and n-grams are at hand: {each}. "
        f"`semrouter tune` keeps at most {MOST_LANDMARKS:,}."
    )


def _frontier() -> Frontier:
    one, pair = np.zeros(1), np.zeros(2)
    return Frontier(
        prices=one,
        arm_shares=pair[None],
        token_shares=one,
        scores=one,
        lows=one,
        highs=one,
        matched=one,
        arm_scores=pair,
        arm_tokens=pair,
        by_lot=False,
    )
