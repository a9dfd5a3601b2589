"""What the router asks of an encoder: to tokenize texts, and to turn tokens into vectors."""

from collections.abc import Sequence, Sized
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.errors import EncodingFailed

Tokens = TypeVar("Tokens", bound=Sized)
"""A text as the encoder reads it. Its length is its cost."""

_MATRIX = 2


class Encoder(Protocol[Tokens]):
    """Turns texts into directions, for any threads at once; past `workers`, more gain nothing."""

    @property
    def fingerprint(self) -> str:
        """Name and weights, as `name@sha256:<first 16 digits>`.

        Centroids fitted with one fingerprint are refused by an encoder with another.
        """

    @property
    def dimensions(self) -> int:
        """The length of a vector."""

    @property
    def workers(self) -> int:
        """How many batches are best encoded at the same time, each by a thread of its own."""

    @property
    def batch_cost(self) -> int:
        """The cost of a batch, longest text times texts, past which a larger one gains nothing."""

    def tokenize(self, texts: Sequence[str]) -> Sequence[Tokens]:
        """Return what `encode` takes, one item per text, cut to the encoder's window."""

    def encode(self, batch: Sequence[Tokens]) -> NDArray[np.float32]:
        """Return one unit vector per item, shaped `[len(batch), dimensions]`.

        Raises `EncodingFailed` when there is no direction for a text.
        """


AnyEncoder = Encoder[Any]
"""An encoder whose tokens are its own affair."""


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `vectors`, `[N, D]`, with every row at length 1. Raises `EncodingFailed`."""
    if vectors.ndim != _MATRIX:
        raise EncodingFailed(f"the encoder returned numbers shaped {list(vectors.shape)}")
    # Numbers too large to be squared make an infinite length, which is refused below.
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    # Written so that NaN, which compares false with everything, counts as wrong.
    if not (np.isfinite(norms) & (norms > 0)).all():
        raise EncodingFailed("the encoder returned a vector without a direction")
    unit: NDArray[np.float32] = vectors / norms
    return unit
