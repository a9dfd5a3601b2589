"""What each arm is expected to make of a prompt, and which arm is worth its tokens.

An arm is a way to answer: with reasoning or without, or one model or another. The arm with the
highest `score - price * tokens` answers. Where records showed that nothing is gained by telling
prompts apart, arms are drawn by lot instead, the same for the same text.
"""

from dataclasses import dataclass
from math import log, pi, sqrt
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.frontier import Frontier, Setting
from semrouter_extproc.core.kernel import KernelModel
from semrouter_extproc.core.ngrams import Buckets
from semrouter_extproc.errors import ArtefactError

LENGTH_DIMENSIONS: Final = 2
FEWEST_ARMS: Final = 2

# How far meanings and lengths reach: the exponents of a Gaussian in each. Lengths that differ
# by a third are alike to exp(-1/2).
_BY_MEANING: Final = 2.5
_LONGEST: Final = 8192
_RADIANS: Final = pi / log(_LONGEST)
_BY_LENGTH: Final = 1 / (0.3 * _RADIANS) ** 2
SHARPNESS: Final = _BY_MEANING + _BY_LENGTH
"""The sharpness of a kernel model over vectors that `with_lengths` returned."""


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """The score, 0 to 1, and the tokens expected of each arm, `[A]` or `[N, A]`."""

    scores: NDArray[np.float64]
    tokens: NDArray[np.float64]

    def worth(self, price: float) -> NDArray[np.intp]:
        """Return the arm of the highest score after tokens are paid for."""
        arms: NDArray[np.intp] = np.argmax(self.scores - price * self.tokens, axis=-1)
        return arms


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What was learned from paired records about `arms`, cheapest first.

    `model` has an output for the score of each arm, then one for the tokens of each; it is
    None where nothing is gained by telling prompts apart.

    Raises ArtefactError for values that do not fit together.
    """

    arms: tuple[str, ...]
    model: KernelModel | None
    frontier: Frontier

    def __post_init__(self) -> None:
        fault = self._fault()
        if fault:
            raise ArtefactError(f"what was learned from records cannot be used: {fault}")

    def _fault(self) -> str | None:
        count = len(self.arms)
        if len(set(self.arms)) < max(count, FEWEST_ARMS):
            return f"{count} arms, at least {FEWEST_ARMS} of different names are needed"
        if len(self.frontier.arm_scores) != count:
            return f"{count} arms, but the frontier has {len(self.frontier.arm_scores)}"
        if (self.model is None) != self.frontier.by_lot:
            return "arms are drawn by lot exactly where there is no model"
        if self.model is not None and len(self.model.offset) != 2 * count:
            return f"{count} arms, but {len(self.model.offset)} outputs"
        return None

    @property
    def dimensions(self) -> int | None:
        """The length of an encoder's vector, None where no vector is asked for."""
        return None if self.model is None else self.model.dimensions - LENGTH_DIMENSIONS

    def arm(
        self, vector: NDArray[np.float32], text: str, buckets: Buckets, setting: Setting
    ) -> str:
        """Return the arm for a prompt, by its unit vector `[D]`, its text and its n-grams."""
        if setting.lots is not None:
            return self.arms[drawn(text, setting.lots)]
        return self.arms[int(self.expected(vector, text, buckets).worth(setting.price))]

    def expected(self, vector: NDArray[np.float32], text: str, buckets: Buckets) -> Expected:
        """Return what each arm would make of a prompt; the mean of all where prompts are alike."""
        if self.model is None:
            return Expected(self.frontier.arm_scores, self.frontier.arm_tokens)
        (placed,) = with_lengths(vector[None], np.array([len(text)]))
        outputs = self.model.outputs(self.model.likeness(placed), buckets)
        return Expected(*np.split(outputs, 2))


def drawn(text: str, lots: NDArray[np.float64]) -> int:
    """Return the arm that falls to `text` by its hash, where each has its share in `lots`."""
    at = crc32(text.encode("utf-8", "surrogatepass")) / 2**32
    return min(int((lots.cumsum() <= at).sum()), len(lots) - 1)


def with_lengths(vectors: NDArray[np.float32], characters: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return `vectors`, `[N, D]`, with the lengths of their texts: unit rows, `[N, D + 2]`.

    A length becomes an angle, so that a Gaussian of the rows' distance is one of meanings times
    one of the logarithm of lengths. Lengths past 8,192 characters are alike.
    """
    angles = np.log(np.clip(characters, 1, _LONGEST)) * _RADIANS
    circle = np.column_stack([np.cos(angles), np.sin(angles)]) * sqrt(_BY_LENGTH / SHARPNESS)
    return np.hstack([vectors * sqrt(_BY_MEANING / SHARPNESS), circle]).astype(np.float32)
