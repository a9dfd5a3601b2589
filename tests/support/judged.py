"""Examples in directions of our own, with the probabilities that a model might give them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.workbench.examples import Example
from semrouter_extproc.workbench.lint import Judged

DIMENSIONS = 16


def directions(truth: Sequence[int], *, spread: float = 0.25) -> NDArray[np.float32]:
    """Return unit vectors around one axis a category, `[N, 16]`."""
    random = np.random.default_rng(0)
    vectors = np.eye(DIMENSIONS)[list(truth)]
    vectors = vectors + spread * random.normal(size=vectors.shape)
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit.astype(np.float32)


def judged(
    given: Sequence[int],
    seems: Sequence[int],
    *,
    labels: tuple[str, ...] = ("art", "botany", "chess"),
    probability: float = 0.9,
) -> Judged:
    """Return rows labelled `given` that lie, and are taken, for what they `seem`."""
    rest = (1 - probability) / (len(labels) - 1)
    probabilities = np.full((len(given), len(labels)), rest)
    probabilities[np.arange(len(given)), seems] = probability
    examples = [Example(f"row/{at}", f"text {at}", labels[of]) for at, of in enumerate(given)]
    return Judged(examples, labels, np.array(given), directions(seems), probabilities)
