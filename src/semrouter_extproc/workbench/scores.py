"""How good a classification of known rows is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.artefact import Judgement

_BINS = 15


@dataclass(frozen=True, slots=True)
class CategoryScore:
    """One category: its rows, and the precision, recall and F1 of finding them."""

    category: str
    rows: int
    precision: float
    recall: float
    f1: float


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
    bins = np.minimum((confidence * _BINS).astype(np.intp), _BINS - 1)
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
