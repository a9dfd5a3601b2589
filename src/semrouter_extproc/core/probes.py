"""How an encoder whose weights cannot be compared proves itself: by its vectors of a few texts.

Whoever fits centroids keeps the vectors of `PROBES` beside them. Other kernels, precisions and
servers turn a vector a little; other weights, another pooling or an instruction that somebody
puts in front of the text turn it much further, most of all that of a short text.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

PROBES: Final = (
    "Why is the sky blue?",
    "Sue them.",
    "def area(radius): return 3.14159 * radius ** 2",
    "¿Puede el casero subir el alquiler sin avisar?",
)

ALIKE: Final = 0.95
"""The `likeness` from which on two encoders go with the same centroids."""


def likeness(vectors: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """Return the lowest cosine between the rows of two matrices, both `[N, D]` with unit rows."""
    return float(np.sum(vectors * reference, axis=1).min())
