"""Prompts that can be learned from: of random words, with vectors of random directions."""

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.workbench.features import Features, Vectors, counted_ngrams
from support.kernels import random_units, unit

_WORDS = (
    "which how should the best way when is it possible to with and for my two about simmer oven "
    "statute appeal airport ferry border recipe garlic court liable hostel visa clause verdict"
)


def random_prompts(rng: np.random.Generator, count: int) -> list[str]:
    """Return texts of six words each."""
    return [" ".join(rng.choice(_WORDS.split(), 6)) for _ in range(count)]


def random_features(rng: np.random.Generator, count: int) -> Features:
    """Return prompts whose words and vectors have nothing to do with one another."""
    return Features(random_units(rng, count), counted_ngrams(random_prompts(rng, count)))


def told_by_words(rng: np.random.Generator, truth: NDArray[np.intp]) -> Features:
    """Return prompts of which one word tells the category, and nothing else does."""
    texts = [
        f"{prompt} {_SIGNS[category]}"
        for prompt, category in zip(random_prompts(rng, len(truth)), truth, strict=True)
    ]
    return Features(random_units(rng, len(truth)), counted_ngrams(texts))


def told_by_vectors(rng: np.random.Generator, truth: NDArray[np.intp]) -> Features:
    """Return prompts whose vectors lie around a corner of their category; words tell nothing."""
    return Features(around_corners(rng, truth), counted_ngrams(random_prompts(rng, len(truth))))


def around_corners(rng: np.random.Generator, truth: NDArray[np.intp]) -> Vectors:
    """Return unit vectors in eight dimensions, near the axis of their category."""
    vectors = np.eye(8)[truth] + rng.normal(scale=0.25, size=(len(truth), 8))
    return unit(vectors)


_SIGNS = ("quartz", "zephyr", "mambo")
