"""Kernel models of random numbers, and what they say in arithmetic that hides nothing."""

from functools import cache
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.kernel import KernelModel
from semrouter_extproc.core.ngrams import BUCKETS, Buckets, NgramModel

DIMENSIONS = 8


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    """Bring vectors to length 1 along the last axis."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    rows: NDArray[np.float32] = (vectors / lengths).astype(np.float32)
    return rows


def random_units(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Return directions in eight dimensions, `[count, DIMENSIONS]`."""
    return unit(rng.normal(size=(count, DIMENSIONS)))


@cache
def random_ngrams(outputs: int) -> NgramModel:
    """Return n-grams of which every one counts and says something."""
    rng = np.random.default_rng(outputs)
    return NgramModel(
        rarity=rng.uniform(0.5, 5, BUCKETS).astype(np.float32),
        weights=rng.normal(size=(BUCKETS, outputs)).astype(np.float32),
    )


def random_kernel_model(
    rng: np.random.Generator, *, outputs: int = 3, landmarks: int = 9, sharpness: float = 2.5
) -> KernelModel:
    """Return a model in which landmarks, n-grams and offset all have something to say."""
    return KernelModel(
        landmarks=random_units(rng, landmarks),
        weights=rng.normal(size=(landmarks, outputs)).astype(np.float32),
        offset=rng.normal(size=outputs).astype(np.float32),
        ngrams=random_ngrams(outputs),
        sharpness=sharpness,
    )


def slow_ngram_outputs(model: NgramModel, buckets: Buckets) -> list[float]:
    """Return the cosine-weighed sum of what each n-gram says, one number at a time."""
    rarity = [float(model.rarity[bucket]) for bucket in buckets]
    length = sqrt(sum(value * value for value in rarity)) or 1.0
    return [
        sum(
            value / length * float(column[bucket])
            for value, bucket in zip(rarity, buckets, strict=True)
        )
        for column in model.weights.T
    ]


def slow_outputs(
    model: KernelModel, vector: NDArray[np.float32], buckets: Buckets
) -> NDArray[np.float64]:
    """Return the outputs `[K]` of a kernel model, one landmark at a time."""
    found = model.offset.astype(np.float64) + slow_ngram_outputs(model.ngrams, buckets)
    for landmark, weights in zip(model.landmarks, model.weights, strict=True):
        cosine = sum(float(one) * float(other) for one, other in zip(landmark, vector, strict=True))
        found += exp(model.sharpness * (cosine - 1)) * weights.astype(np.float64)
    return found
