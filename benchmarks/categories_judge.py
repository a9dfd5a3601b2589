"""Judging categories on rows that nothing was learned from."""

from time import perf_counter
from typing import Final

import msgspec
import numpy as np
from classification import default_policy
from learned import Learned
from numpy.typing import NDArray

from semrouter_extproc.artefact import Judgement
from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.core.classify import Classification, classify
from semrouter_extproc.core.ngrams import Buckets
from semrouter_extproc.core.policy import PAPER_POLICY
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.workbench.features import Features, Mask
from semrouter_extproc.workbench.fit import classified
from semrouter_extproc.workbench.rows import Rows
from semrouter_extproc.workbench.scores import Interval, judge, wilson

NEAR: Final = 0.95
"""The cosine from which a prompt is a near-duplicate."""

REFUSED: Final = 0.01
"""The share of prompts in scope that may be refused."""

MIN_MARGIN: Final = 0.1
"""The lead that the configuration asks for by default."""

_BLOCK: Final = 1024


class Placed(msgspec.Struct, frozen=True):
    """How well rows were placed. `switch` is the share whose on or off is the paper's."""

    judgement: Judgement
    interval: Interval
    switch: float


class Split(msgspec.Struct, frozen=True):
    """A split of the rows. `apart` leaves out near-duplicates of what was learned from."""

    name: str
    learned_from: int
    landmarks: int
    whole: Placed
    apart: Placed
    classify_us: float


class Scope(msgspec.Struct, frozen=True):
    """How well intents are told apart, and from what is none.

    `auroc` is the chance that a prompt in scope is more familiar than one out of scope.
    `refused` and `found` are the shares of each that the default configuration takes for out
    of scope.
    """

    name: str
    learned_from: int
    rows: int
    accuracy: float
    interval: Interval
    ece: float
    strange: int
    auroc: float
    refused: float
    found: float


def split_of(name: str, rows: Rows, judged: Mask, known: Learned) -> Split:
    """Judge on the rows that are `judged`."""
    unseen = rows.where(judged)
    probabilities = classified(unseen.features, known.centroids)
    apart = ~_near(unseen.features, known.lessons.rows.features)
    return Split(
        name=name,
        learned_from=len(known.lessons.rows.truth),
        landmarks=len(known.centroids.owners),
        whole=_placed(probabilities, unseen),
        apart=_placed(probabilities[apart], unseen.where(apart)),
        classify_us=_classify_us(unseen.features, known.centroids),
    )


def scope_of(name: str, known: Learned, tested: Rows) -> Scope:
    """Judge on rows of which the last label is for what is out of scope."""
    found = [
        classify(vector, buckets, known.centroids) for vector, buckets in prompts(tested.features)
    ]
    inside = tested.truth < len(known.lessons.rows.labels)
    familiarity = np.array([row.familiarity for row in found])
    index = np.array([row.index for row in found])
    refused = familiarity < known.centroids.familiarity_bars(REFUSED)[index]
    hits = int((index == tested.truth)[inside].sum())
    placed = judge(np.stack([row.probabilities for row in found])[inside], tested.truth[inside])
    return Scope(
        name=name,
        learned_from=len(known.lessons.rows.truth),
        rows=int(inside.sum()),
        accuracy=placed.accuracy,
        interval=wilson(hits, int(inside.sum())),
        ece=placed.ece,
        strange=int((~inside).sum()),
        auroc=round(auroc(familiarity[inside], familiarity[~inside]), 4),
        refused=_share(refused[inside]),
        found=_share(refused[~inside]),
    )


def prompts(features: Features) -> list[tuple[NDArray[np.float32], Buckets]]:
    """Return the vector and the buckets of each prompt."""
    ngrams = features.ngrams
    buckets = np.split(ngrams.indices.astype(np.uint16), ngrams.indptr[1:-1])
    return list(zip(features.vectors, buckets, strict=True))


def on(found: list[Classification], labels: tuple[str, ...]) -> NDArray[np.bool_]:
    """Say which prompts the shipped configuration lets reason."""
    policy = default_policy(labels, MIN_MARGIN)
    return np.array([policy.choose(row).route.reasoning is Reasoning.ON for row in found])


def auroc(higher: NDArray[np.float64], lower: NDArray[np.float64]) -> float:
    """Return the chance that one of `higher` exceeds one of `lower`; a tie is half a chance."""
    ordered = np.sort(lower)
    below = np.searchsorted(ordered, higher, side="left")
    not_above = np.searchsorted(ordered, higher, side="right")
    return float((below + not_above).mean() / (2 * len(lower)))


def _placed(probabilities: NDArray[np.float64], rows: Rows) -> Placed:
    judgement = judge(probabilities, rows.truth)
    hits = int((probabilities.argmax(axis=1) == rows.truth).sum())
    reasons = np.array([PAPER_POLICY[label] is Reasoning.ON for label in rows.labels])
    switch = reasons[probabilities.argmax(axis=1)] == reasons[rows.truth]
    return Placed(judgement, wilson(hits, len(rows.truth)), _share(switch))


def _near(unseen: Features, seen: Features) -> Mask:
    """Say which prompts have a near-duplicate among those learned from."""
    blocks = range(0, len(unseen), _BLOCK)
    closest = [
        (unseen.vectors[start : start + _BLOCK] @ seen.vectors.T).max(axis=1) for start in blocks
    ]
    near: Mask = np.concatenate(closest) > NEAR
    return near


def _classify_us(features: Features, centroids: Centroids) -> float:
    """Return the median wall-clock microseconds of one classification."""
    taken = []
    for vector, buckets in prompts(features):
        start = perf_counter()
        classify(vector, buckets, centroids)
        taken.append(perf_counter() - start)
    return round(float(np.median(taken)) * 1e6, 1)


def _share(flags: Mask) -> float:
    return round(float(np.mean(flags)), 4)
