"""From a vector and n-grams to a category."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.core.ngrams import Buckets

FLOOR: Final = 0.03


@dataclass(frozen=True, slots=True, eq=False)
class Classification:
    """What a prompt was taken for.

    `probabilities` is `[C]` in the order of the labels and sums to 1; `index` points at
    `category` in it and `confidence` is its value. `nearest` is the landmark most like the
    prompt. `familiarity` is how like, plus the model's output for the category: a prompt about
    nothing that was learned has little of either. Both are None for a text without a vector.
    """

    index: int
    category: str
    confidence: float
    probabilities: NDArray[np.float64]
    familiarity: float | None = None
    nearest: int | None = None


def classify(vector: NDArray[np.float32], buckets: Buckets, centroids: Centroids) -> Classification:
    """Find the category of a prompt by its unit vector `[D]` and the buckets of its n-grams."""
    likeness = centroids.model.likeness(vector)
    outputs = centroids.model.outputs(likeness, buckets)
    nearest = int(likeness.argmax())
    return classification_of(
        support_of(outputs),
        centroids.labels,
        centroids.temperature,
        familiarity=float(outputs.max() + likeness[nearest]),
        nearest=nearest,
    )


def classification_of(
    support: NDArray[np.float64],
    labels: Sequence[str],
    temperature: float,
    *,
    familiarity: float | None = None,
    nearest: int | None = None,
) -> Classification:
    """Return the classification by `support`, `[C]`; the rest goes with it."""
    probabilities = probabilities_of(support, temperature)
    index = int(probabilities.argmax())
    return Classification(
        index=index,
        category=labels[index],
        confidence=float(probabilities[index]),
        probabilities=probabilities,
        familiarity=familiarity,
        nearest=nearest,
    )


def support_of(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the support that a kernel model's outputs are: the logarithm of rough probabilities.

    A regression on 1 for a row's own category and 0 for the others estimates probabilities, but
    knows no bounds; what it says below `FLOOR` is noise.
    """
    support: NDArray[np.float64] = np.log(np.maximum(outputs, FLOOR))
    return support


def probabilities_of(support: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return the softmax of `support` over its last axis, softened by `temperature`."""
    weights = np.exp((support - support.max(axis=-1, keepdims=True)) / temperature)
    probabilities: NDArray[np.float64] = weights / weights.sum(axis=-1, keepdims=True)
    return probabilities
