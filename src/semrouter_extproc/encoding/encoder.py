"""What the router asks of an encoder: one method."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Encoder(Protocol):
    """Turns texts into directions. Called from one thread only."""

    @property
    def fingerprint(self) -> str:
        """Name and weights, as `name@sha256:<first 16 digits>`.

        Centroids fitted with one fingerprint are refused by an encoder with another.
        """

    @property
    def dimensions(self) -> int:
        """The length of a vector."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector per text, shaped `[len(texts), dimensions]`."""
