"""Learning prototypes: spherical k-means inside each category, then gradient steps on all.

k-means alone describes where a category's prompts lie. The gradient steps move prototypes
to where they tell categories apart: with hundreds of rows per category that takes far fewer
of them for the same accuracy, with ten rows it only learns those ten by heart.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.centroids import Centroids

Vectors = NDArray[np.float32]
Indices = NDArray[np.intp]

_SEED: Final = 0
_KMEANS_ROUNDS: Final = 20
_NOTHING: Final = 1e-6

# Adam's.
_STEP_SIZE: Final = 0.003
_MOMENTUM: Final = 0.9
_SCALE_DECAY: Final = 0.99
_TINY: Final = 1e-10


@dataclass(frozen=True, slots=True)
class Settings:
    """How to learn: prototypes per category, their sharpness, and gradient steps."""

    count: int
    sharpness: float
    steps: int


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Labelled vectors: unit `vectors` `[N, D]` and `truth` `[N]`, the index of each label."""

    vectors: Vectors
    truth: Indices
    labels: tuple[str, ...]

    def where(self, chosen: NDArray[np.bool_]) -> "Rows":
        """Return the chosen rows."""
        return Rows(self.vectors[chosen], self.truth[chosen], self.labels)


def learn(rows: Rows, settings: Settings) -> Centroids:
    """Learn prototypes, at most one per row of a category; every category has a row.

    The same rows give the same prototypes on the same machine. Elsewhere the rounding of the
    linear algebra library may move a few of them; fewer than one prompt in a thousand then
    changes its category.
    """
    clusters = [
        _kmeans(rows.vectors[rows.truth == index], settings.count)
        for index in range(len(rows.labels))
    ]
    owners = np.repeat(np.arange(len(clusters)), [len(cluster) for cluster in clusters])
    return Centroids(
        labels=rows.labels,
        prototypes=_refined(np.concatenate(clusters), owners, rows, settings),
        owners=owners,
        sharpness=settings.sharpness,
        temperature=1.0,
    )


def medoids(centroids: Centroids, rows: Rows) -> Indices:
    """Return, for each prototype, the row of its own category that lies closest to it."""
    similarities = centroids.prototypes @ rows.vectors.T
    similarities[centroids.owners[:, None] != rows.truth] = -np.inf
    closest: Indices = similarities.argmax(axis=1)
    return closest


def _kmeans(rows: Vectors, count: int) -> Vectors:
    centres = _scattered(rows, min(count, len(rows)))
    for _ in range(_KMEANS_ROUNDS):
        nearest = (rows @ centres.T).argmax(axis=1)
        members = nearest == np.arange(len(centres))[:, None]
        sums = members.astype(np.float32) @ rows
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        # A centre that lost its rows stays where it was.
        centres = np.where(lengths > _NOTHING, sums / np.maximum(lengths, _NOTHING), centres)
    return centres


def _scattered(rows: Vectors, count: int) -> Vectors:
    """Pick rows at random, each the likelier the farther it is from those picked (k-means++)."""
    rng = np.random.default_rng(_SEED)
    picked = [int(rng.integers(len(rows)))]
    distance = np.full(len(rows), 2.0)
    while len(picked) < count:
        distance = np.minimum(distance, 1 - rows @ rows[picked[-1]])
        weights = np.maximum(distance, _NOTHING)
        picked.append(int(rng.choice(len(rows), p=weights / weights.sum())))
    return rows[picked]


def _refined(prototypes: Vectors, owners: Indices, rows: Rows, settings: Settings) -> Vectors:
    """Lower the log loss with Adam, keeping the prototypes of unit length."""
    own = owners == rows.truth[:, None]
    mean = np.zeros_like(prototypes)
    scale = np.zeros_like(prototypes)
    for step in range(1, settings.steps + 1):
        gradient = _gradient(prototypes, own, rows.vectors, settings.sharpness)
        mean += (1 - _MOMENTUM) * (gradient - mean)
        scale += (1 - _SCALE_DECAY) * (gradient**2 - scale)
        unbiased = np.sqrt(scale / (1 - _SCALE_DECAY**step)) + _TINY
        prototypes = prototypes - _STEP_SIZE / (1 - _MOMENTUM**step) * mean / unbiased
        prototypes /= np.linalg.norm(prototypes, axis=1, keepdims=True)
    return prototypes


def _gradient(
    prototypes: Vectors, own: NDArray[np.bool_], vectors: Vectors, sharpness: float
) -> Vectors:
    """Return the gradient of the mean log loss, at temperature 1, by the prototypes, `[P, D]`.

    `own` is `[N, P]`: whether the prototype is of the row's category. A row pushes every
    prototype by its share of the sum over all, and pulls its own by their share of their sum.
    """
    scaled = sharpness * (vectors @ prototypes.T)
    shares = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    own_shares = np.where(own, shares, 0)
    push = shares / shares.sum(axis=1, keepdims=True)
    pull = own_shares / own_shares.sum(axis=1, keepdims=True)
    gradient: Vectors = (push - pull).T @ vectors * (sharpness / len(vectors))
    return gradient
