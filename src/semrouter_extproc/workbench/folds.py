"""Dealing rows to folds, and choosing some of them that are like all."""

from typing import Final

import numpy as np

from semrouter_extproc.workbench.features import Indices

FOLDS: Final = 5

_SEED: Final = 0


def stratified_folds(truth: Indices) -> Indices:
    """Deal each category's rows, shuffled, to the folds in turn: `[N]` to `[N]`."""
    return _ranks(truth) % FOLDS


def stratified_sample(truth: Indices, most: int) -> Indices:
    """Return the indices of `most` rows, ascending, each category in proportion; or of all."""
    if len(truth) <= most:
        return np.arange(len(truth))
    ranks = _ranks(truth)
    # Each category's rows lie evenly between 0 and 1, so that any cut takes the same share of all.
    order = np.lexsort((truth, (ranks + 0.5) / np.bincount(truth)[truth]))
    return np.sort(order[:most])


def _ranks(truth: Indices) -> Indices:
    """Return each row's place among the shuffled rows of its category."""
    ranks = np.empty(len(truth), np.intp)
    rng = np.random.default_rng(_SEED)
    for index in range(int(truth.max()) + 1):
        rows = rng.permutation(np.flatnonzero(truth == index))
        ranks[rows] = np.arange(len(rows))
    return ranks
