"""Kernel ridge regression as textbooks have it: dense, slow, in double precision."""

from functools import cache
from math import log

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.workbench.features import Features
from semrouter_extproc.workbench.kernel_ridge import Outputs, Settings
from support.learnable import random_features

USUAL = Settings(sharpness=2.5, ngram_share=0.4, ridge=0.1)


@cache
def lesson() -> tuple[Features, Outputs, Features]:
    """Return 80 prompts, two targets for each, and 30 prompts more."""
    rng = np.random.default_rng(5)
    features = random_features(rng, 110)
    targets = rng.normal(size=(80, 2)) + np.array([3.0, -1.0])
    return features.where(np.arange(80)), targets, features.where(np.arange(80, 110))


def textbook_words(features: Features, known: Features) -> NDArray[np.float64]:
    """Return the n-grams of `features` in double precision, weighed by rarity among `known`."""
    seen = np.asarray(known.ngrams.toarray(), np.float64).sum(axis=0)
    rarity = np.array([log((1 + len(known)) / (1 + count)) + 1 for count in seen])
    words = np.asarray(features.ngrams.toarray(), np.float64) * rarity
    unit: NDArray[np.float64] = words / np.linalg.norm(words, axis=1, keepdims=True)
    return unit


def textbook_kernel(
    left: Features, right: Features, known: Features, settings: Settings
) -> NDArray[np.float64]:
    """Return how alike two sets of prompts are, `[N, M]`: a Gaussian and a cosine."""
    gaps = left.vectors[:, None].astype(np.float64) - right.vectors[None]
    by_vector = np.exp(-settings.sharpness / 2 * np.sum(gaps**2, axis=2))
    by_ngram = textbook_words(left, known) @ textbook_words(right, known).T
    both: NDArray[np.float64] = (
        1 - settings.ngram_share
    ) * by_vector + settings.ngram_share * by_ngram
    return both


def textbook(
    seen: Features, targets: Outputs, unseen: Features, settings: Settings, known: Features
) -> Outputs:
    """Return the predictions of kernel ridge regression by its dual solution."""
    mean = targets.mean(axis=0)
    regular = textbook_kernel(seen, seen, known, settings) + settings.ridge * np.eye(len(seen))
    duals = np.linalg.solve(regular, targets - mean)
    found: Outputs = textbook_kernel(unseen, seen, known, settings) @ duals + mean
    return found
