"""How good a classification of known rows is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.artefact import Judgement

_BINS: Final = 15
_Z95: Final = 1.959964

Interval: TypeAlias = tuple[float, float]
"""Of 95 %."""


@dataclass(frozen=True, slots=True)
class CategoryScore:
    """One category: its rows, and the precision, recall and F1 of finding them."""

    category: str
    rows: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """Rows of `category` that were taken for another."""

    category: str
    taken_for: str
    rows: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of like confidence: its mean, and the share of them that is right."""

    rows: int
    confidence: float
    accuracy: float
    ci95: Interval


def judge(probabilities: NDArray[np.float64], truth: NDArray[np.intp]) -> Judgement:
    """Score `[N, C]` probabilities against the index of each row's category, `[N]`."""
    scores = per_category(probabilities, truth, [str(i) for i in range(probabilities.shape[1])])
    return Judgement(
        rows=len(truth),
        accuracy=round(float((probabilities.argmax(axis=1) == truth).mean()), 4),
        macro_f1=round(float(np.mean([score.f1 for score in scores])), 4),
        log_loss=round(log_loss(probabilities, truth), 4),
        ece=round(expected_calibration_error(probabilities, truth), 4),
    )


def log_loss(probabilities: NDArray[np.float64], truth: NDArray[np.intp]) -> float:
    """Return the mean negative log probability of the true categories, in nats."""
    given = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(given, np.finfo(np.float64).tiny)).mean())


def expected_calibration_error(
    probabilities: NDArray[np.float64], truth: NDArray[np.intp]
) -> float:
    """Return the mean gap between confidence and accuracy over 15 bins of equal width."""
    confidence = probabilities.max(axis=1)
    gap = (probabilities.argmax(axis=1) == truth) - confidence
    bins = _bins(confidence)
    return float(np.abs(np.bincount(bins, weights=gap)).sum() / len(truth))


def per_category(
    probabilities: NDArray[np.float64], truth: NDArray[np.intp], labels: Sequence[str]
) -> tuple[CategoryScore, ...]:
    """Return each category's score, in the order of `labels`; nothing found counts as 0."""
    count = len(labels)
    predicted = probabilities.argmax(axis=1)
    hits = np.bincount(truth[predicted == truth], minlength=count)
    rows = np.bincount(truth, minlength=count)
    claims = np.bincount(predicted, minlength=count)
    precision = hits / np.maximum(claims, 1)
    recall = hits / np.maximum(rows, 1)
    f1 = 2 * hits / np.maximum(rows + claims, 1)
    columns = zip(labels, rows, precision, recall, f1, strict=True)
    return tuple(CategoryScore(name, int(n), *map(float, rest)) for name, n, *rest in columns)


def confusions(
    probabilities: NDArray[np.float64], truth: NDArray[np.intp], labels: Sequence[str]
) -> tuple[Confusion, ...]:
    """Return every pair of categories of which one was taken for the other, most rows first."""
    count = len(labels)
    pairs = np.bincount(truth * count + probabilities.argmax(axis=1), minlength=count * count)
    pairs[:: count + 1] = 0
    found = sorted(np.flatnonzero(pairs).tolist(), key=lambda pair: -pairs[pair])
    return tuple(
        Confusion(labels[pair // count], labels[pair % count], int(pairs[pair])) for pair in found
    )


def reliability(probabilities: NDArray[np.float64], truth: NDArray[np.intp]) -> tuple[Bin, ...]:
    """Return the bins of the calibration error that hold a row, least confident first."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    bins = _bins(confidence)
    return tuple(_bin(confidence[bins == index], right[bins == index]) for index in np.unique(bins))


def wilson(successes: int, rows: int) -> Interval:
    """Return Wilson's 95 % interval of a share of `rows`, which must be some."""
    share, square = successes / rows, _Z95 * _Z95
    centre = (share + square / (2 * rows)) / (1 + square / rows)
    spread = math.sqrt(share * (1 - share) / rows + square / (4 * rows * rows))
    half = _Z95 * spread / (1 + square / rows)
    return max(0.0, centre - half), min(1.0, centre + half)


def _bins(confidence: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.minimum((confidence * _BINS).astype(np.intp), _BINS - 1)


def _bin(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> Bin:
    rows, hits = len(right), int(right.sum())
    return Bin(rows, float(confidence.mean()), hits / rows, wilson(hits, rows))
