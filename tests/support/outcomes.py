"""Outcomes over the vectors of `tiny`: reasoning pays for math, not for law."""

import numpy as np

from semrouter_extproc.core.frontier import Frontier, Setting
from semrouter_extproc.core.kernel import KernelModel
from semrouter_extproc.core.learned import Learned
from semrouter_extproc.core.outcomes import SHARPNESS, Outcomes, with_lengths
from support import tiny

ARMS = ("direct", "reasoning")


def outcomes() -> Outcomes:
    """Return that 100 tokens gain 0.4 near math, and nothing near law."""
    texts = (tiny.MATH, tiny.LAW)
    vectors = np.array([tiny.VECTORS[text] for text in texts], np.float32)
    lengths = np.array([len(text) for text in texts])
    return Outcomes(
        arms=ARMS,
        model=KernelModel(
            landmarks=with_lengths(vectors, lengths),
            weights=np.array([[0, 0.2, 0, 0], [0, -0.2, 0, 0]], np.float32),
            offset=np.array([0.5, 0.7, 10, 110], np.float32),
            ngrams=tiny.silent_ngrams(4),
            sharpness=SHARPNESS,
        ),
        frontier=frontier(),
    )


def frontier() -> Frontier:
    """Return a frontier of three points: nobody reasons, half of the prompts do, all do."""
    return Frontier(
        prices=np.array([0.005, 0.002, 0.0]),
        arm_shares=np.array([[1, 0], [0.5, 0.5], [0, 1]]),
        token_shares=np.array([0.1, 0.55, 1.0]),
        scores=np.array([0.5, 0.7, 0.7]),
        lows=np.array([0.4, 0.6, 0.6]),
        highs=np.array([0.6, 0.8, 0.8]),
        matched=np.array([0.5, 0.6, 0.7]),
        arm_scores=np.array([0.5, 0.7]),
        arm_tokens=np.array([10.0, 110.0]),
        by_lot=False,
    )


def learned(price: float = 0.002) -> Learned:
    """Return the outcomes for a price of a token, in score."""
    return Learned(outcomes(), Setting(price, None, 1.0))
