"""One predictor for whatever is learned about prompts: a kernel machine over vectors and n-grams.

`outputs = offset + exp(sharpness * (cosine - 1)) @ weights + ngrams`: a prompt is like the
landmarks around its vector, and like its own words. Both halves come from one kernel ridge
regression (`workbench.kernel_ridge`).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.arrays import require_finite, require_unit_rows
from semrouter_extproc.core.ngrams import Buckets, NgramModel
from semrouter_extproc.errors import ArtefactError

SHARPEST: Final = 100.0
"""Beyond this, prompts are like nothing but themselves."""


@dataclass(frozen=True, eq=False)
class KernelModel:
    """`K` outputs for a prompt, by its vector and its n-grams.

    `landmarks` is `[P, D]` float32 with unit rows; `weights` is `[P, K]` float32 and `offset`
    `[K]` float32. `sharpness` says how fast likeness falls with the angle to a landmark.

    Raises ArtefactError for values that do not fit together.
    """

    landmarks: NDArray[np.float32]
    weights: NDArray[np.float32]
    offset: NDArray[np.float32]
    ngrams: NgramModel
    sharpness: float

    def __post_init__(self) -> None:
        outputs = self.ngrams.weights.shape[1]
        require_finite("landmarks", self.landmarks, (None, None))
        require_unit_rows("landmarks", self.landmarks)
        require_finite("weights", self.weights, (len(self.landmarks), outputs))
        require_finite("offset", self.offset, (outputs,))
        if not 0 < self.sharpness <= SHARPEST:
            raise ArtefactError(
                f"sharpness is {self.sharpness}, it must be above 0 and at most {SHARPEST:g}"
            )

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        return int(self.landmarks.shape[1])

    def likeness(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return how like each landmark a unit vector `[D]` is: `[P]`, from 0 to 1 for equal."""
        cosines: NDArray[np.float32] = vector @ self._columns
        cosines -= 1
        cosines *= self.sharpness
        return np.exp(cosines, out=cosines)

    def outputs(self, likeness: NDArray[np.float32], buckets: Buckets) -> NDArray[np.float64]:
        """Return the outputs, `[K]`, for a prompt's `likeness` and the buckets of its n-grams."""
        found = (likeness @ self.weights).astype(np.float64)
        found += self.offset
        found += self.ngrams.outputs(buckets)
        return found

    @cached_property
    def _columns(self) -> NDArray[np.float32]:
        # Memory bounds a product with one vector, and in this order several of its places are
        # read at once.
        return np.ascontiguousarray(self.landmarks.T)
