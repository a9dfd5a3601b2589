"""Encoders that know nothing, quickly."""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.probes import PROBES


class HashEncoder:
    """Directions that mean nothing, quickly: one per text."""

    fingerprint = "hash@sha256:0000000000000000"
    dimensions = 16
    workers = 1
    batch_cost = 10_000

    def tokenize(self, texts: Sequence[str]) -> Sequence[str]:
        return texts

    def encode(self, batch: Sequence[str]) -> NDArray[np.float32]:
        digests = [sha256(text.encode()).digest()[:16] for text in batch]
        vectors = np.array([list(digest) for digest in digests], np.float32) - 127.5
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


class ProbedEncoder:
    """The encoder that `artefacts.artefact` was fitted with, in three dimensions."""

    fingerprint = "tiny@sha256:0123456789abcdef"
    dimensions = 3
    workers = 1
    batch_cost = 10_000

    def tokenize(self, texts: Sequence[str]) -> Sequence[str]:
        return texts

    def encode(self, batch: Sequence[str]) -> NDArray[np.float32]:
        corners = {text: index % self.dimensions for index, text in enumerate(PROBES)}
        return np.eye(self.dimensions, dtype=np.float32)[[corners.get(each, 0) for each in batch]]
