"""Whether two ways to answer the same prompts differ by more than chance."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.workbench.evaluation.results import McNemar


def mcnemar(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> McNemar:
    """Return McNemar's exact test of paired scores, `[N]`.

    Only rows that the two score differently count, each as a fair coin if neither is better.
    For scores between 0 and 1 this is the sign test.
    """
    better, worse = int((ours > theirs).sum()), int((ours < theirs).sum())
    return McNemar(better=better, worse=worse, p=_two_sided(min(better, worse), better + worse))


def _two_sided(fewer: int, tosses: int) -> float:
    """Return how likely a fair coin is to fall at least as unevenly, in exact integers."""
    ways = term = 1
    for heads in range(1, fewer + 1):
        term = term * (tosses - heads + 1) // heads
        ways += term
    # Of integers, since neither need fit a float.
    return min(1.0, float(Fraction(2 * ways, 1 << tosses)))
