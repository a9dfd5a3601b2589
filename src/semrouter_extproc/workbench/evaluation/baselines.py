"""Simple predictions of what each arm would do, each row's from the rows of other folds."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.outcomes import Expected

NEIGHBOURS: Final = 40

_ROWS_AT_A_TIME: Final = 512


def by_neighbours(
    vectors: NDArray[np.float32],
    scores: NDArray[np.float64],
    tokens: NDArray[np.float64],
    folds: NDArray[np.intp],
    neighbours: int = NEIGHBOURS,
) -> Expected:
    """Predict the means of the nearest rows by cosine; `vectors` `[N, D]` are of unit length."""
    expected = Expected(np.empty_like(scores), np.empty_like(tokens))
    for fold in np.unique(folds):
        known = np.flatnonzero(folds != fold)
        judged = np.flatnonzero(folds == fold)
        for rows in np.array_split(judged, -(-len(judged) // _ROWS_AT_A_TIME)):
            nearest = known[_nearest(vectors[rows], vectors[known], neighbours)]
            expected.scores[rows] = scores[nearest].mean(axis=1)
            expected.tokens[rows] = tokens[nearest].mean(axis=1)
    return expected


def by_category(
    categories: Sequence[str],
    scores: NDArray[np.float64],
    tokens: NDArray[np.float64],
    folds: NDArray[np.intp],
) -> Expected:
    """Predict the means of each row's true category, or of all where no other row has it."""
    names, owners = np.unique(np.array(categories), return_inverse=True)
    expected = Expected(np.empty_like(scores), np.empty_like(tokens))
    for fold in np.unique(folds):
        judged, known = folds == fold, folds != fold
        for given, predicted in ((scores, expected.scores), (tokens, expected.tokens)):
            means = _means(given[known], owners[known], len(names))
            predicted[judged] = means[owners[judged]]
    return expected


def _nearest(
    judged: NDArray[np.float32], known: NDArray[np.float32], neighbours: int
) -> NDArray[np.intp]:
    """Return the places among `known`, `[K, D]`, of those nearest to each row of `judged`."""
    likeness = judged @ known.T
    count = min(neighbours, len(known))
    return np.argpartition(-likeness, count - 1, axis=1)[:, :count]


def _means(given: NDArray[np.float64], owners: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """Return the mean row of each owner, `[count, A]`."""
    member = np.eye(count)[owners]
    rows = member.sum(axis=0)[:, None]
    sums = member.T @ given
    means: NDArray[np.float64] = np.where(rows > 0, sums / np.maximum(rows, 1), given.mean(axis=0))
    return means
