"""Examples and what a model that had not seen them made of each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.workbench.examples import Example


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Examples, their unit `vectors` `[N, D]`, and their out-of-fold `probabilities` `[N, C]`.

    `truth`, `[N]`, is the index of each example's category in `labels`; each label has a row.
    """

    examples: Sequence[Example]
    labels: tuple[str, ...]
    truth: NDArray[np.intp]
    vectors: NDArray[np.float32]
    probabilities: NDArray[np.float64]

    @property
    def accuracy(self) -> float:
        """The share of rows whose likeliest category is their own."""
        return float((self.probabilities.argmax(axis=1) == self.truth).mean())
