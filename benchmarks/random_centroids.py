"""Centroids of any size that mean nothing: as fast as real ones, and nothing to learn from."""

import numpy as np

from semrouter_extproc.core.centroids import SCOPE_SHARES, Centroids
from semrouter_extproc.core.kernel import KernelModel
from semrouter_extproc.core.ngrams import BUCKETS, NgramModel
from semrouter_extproc.workbench.choose import USUAL


def random_centroids(landmarks: int, categories: int, dimensions: int) -> Centroids:
    """Return landmarks in all directions, spread evenly over the categories."""
    random = np.random.default_rng(landmarks)
    rows = random.standard_normal((landmarks, dimensions), np.float32)
    return Centroids(
        labels=tuple(f"category {number}" for number in range(categories)),
        model=KernelModel(
            landmarks=rows / np.linalg.norm(rows, axis=1, keepdims=True),
            weights=random.standard_normal((landmarks, categories), np.float32),
            offset=np.zeros(categories, np.float32),
            ngrams=NgramModel(
                rarity=np.ones(BUCKETS, np.float32),
                weights=random.standard_normal((BUCKETS, categories), np.float32),
            ),
            sharpness=USUAL.sharpness,
        ),
        owners=np.arange(landmarks) % categories,
        temperature=1.0,
        scope=np.zeros((categories, len(SCOPE_SHARES)), np.float32),
    )
