"""From a vector to its category, by the prototypes around it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.centroids import Centroids


@dataclass(frozen=True, slots=True, eq=False)
class Classification:
    """What a prompt was taken for.

    `probabilities` is `[C]` in the order of the labels and sums to 1; `index` points at
    `category` in it and `confidence` is its value. `nearest` is the prototype of that
    category closest to the vector, None where a text was classified without one.
    """

    index: int
    category: str
    confidence: float
    probabilities: NDArray[np.float64]
    nearest: int | None


def classify(vector: NDArray[np.float32], centroids: Centroids) -> Classification:
    """Find the category of `vector`, `[D]` and of unit length."""
    similarities = vector @ centroids.columns
    support = category_support(similarities, centroids)
    probabilities = probabilities_of(support, centroids.temperature)
    index = int(probabilities.argmax())
    return Classification(
        index=index,
        category=centroids.labels[index],
        confidence=float(probabilities[index]),
        probabilities=probabilities,
        nearest=_nearest(similarities, index, centroids),
    )


def category_support(
    similarities: NDArray[np.float32], centroids: Centroids
) -> NDArray[np.float64]:
    """Return each category's log of summed exponentials: `[..., P]` to `[..., C]`."""
    scaled = similarities.astype(np.float64)
    scaled *= centroids.sharpness
    peak = scaled.max(axis=-1, keepdims=True)
    scaled -= peak
    sums = np.add.reduceat(np.exp(scaled, out=scaled), centroids.starts, axis=-1)
    support: NDArray[np.float64] = np.log(sums) + peak
    return support


def probabilities_of(support: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return the softmax of `support` over its last axis, softened by `temperature`."""
    weights = np.exp((support - support.max(axis=-1, keepdims=True)) / temperature)
    probabilities: NDArray[np.float64] = weights / weights.sum(axis=-1, keepdims=True)
    return probabilities


def _nearest(similarities: NDArray[np.float32], index: int, centroids: Centroids) -> int:
    start = int(centroids.starts[index])
    following = centroids.starts[index + 1 : index + 2]
    end = int(following[0]) if following.size else len(similarities)
    return start + int(similarities[start:end].argmax())
