"""Choosing how many prototypes, how sharp and how warm, by cross-validation."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.classify import category_support, probabilities_of
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.prototypes import Indices, Rows, Settings, learn
from semrouter_extproc.workbench.scores import log_loss

FOLDS: Final = 5
PROTOTYPE_COUNTS: Final = (1, 2, 4, 8, 16, 32)
STEPS: Final = (0, 15, 30, 60)
USUAL_SHARPNESS: Final = 20.0
OTHER_SHARPNESSES: Final = (12.0, 16.0, 24.0, 32.0)

# Not below 0.2: a few rows that all come out right would ask for certainty.
_TEMPERATURES: Final = np.geomspace(0.2, 20, 121)
_SEED: Final = 0


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The settings with the lowest log loss on rows that were left out in turn.

    `probabilities` is `[N, C]`: what each row got from prototypes that had not seen it.
    """

    settings: Settings
    temperature: float
    loss: float
    probabilities: NDArray[np.float64]


def choose(rows: Rows, progress: Progress) -> Choice:
    """Choose the settings for `rows`: counts and steps together, then the sharpness."""

    def tried(settings: Settings) -> Choice:
        progress.detail(
            f"{settings.count} prototypes per category, sharpness {settings.sharpness:g}, "
            f"{settings.steps} steps"
        )
        return cross_validated(rows, settings)

    grid = product(_useful_counts(rows.truth), STEPS)
    best = min((tried(Settings(count, USUAL_SHARPNESS, steps)) for count, steps in grid), key=_loss)
    others = (tried(replace(best.settings, sharpness=sharpness)) for sharpness in OTHER_SHARPNESSES)
    return min((best, *others), key=_loss)


def cross_validated(rows: Rows, settings: Settings) -> Choice:
    """Return what `settings` make of rows left out in turn, at the temperature that suits them."""
    support = _left_out_support(rows, settings)
    temperature = fitting_temperature(support, rows.truth)
    probabilities = probabilities_of(support, temperature)
    return Choice(settings, temperature, log_loss(probabilities, rows.truth), probabilities)


def stratified_folds(truth: Indices) -> Indices:
    """Deal each category's rows, shuffled, to the folds in turn."""
    folds = np.empty(len(truth), np.intp)
    rng = np.random.default_rng(_SEED)
    for index in range(int(truth.max()) + 1):
        rows = rng.permutation(np.flatnonzero(truth == index))
        folds[rows] = np.arange(len(rows)) % FOLDS
    return folds


def fitting_temperature(support: NDArray[np.float64], truth: Indices) -> float:
    """Return the temperature that gives `support`, `[N, C]`, the lowest log loss."""
    losses = [log_loss(probabilities_of(support, warmth), truth) for warmth in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def _loss(choice: Choice) -> float:
    return choice.loss


def _useful_counts(truth: Indices) -> Iterator[int]:
    """Yield the counts of which at least the largest category has more than one row each."""
    most = int(np.bincount(truth).max())
    return (count for count in PROTOTYPE_COUNTS if count == 1 or 2 * count <= most)


def _left_out_support(rows: Rows, settings: Settings) -> NDArray[np.float64]:
    support = np.empty((len(rows.truth), len(rows.labels)))
    folds = stratified_folds(rows.truth)
    for fold in range(FOLDS):
        unseen = folds == fold
        centroids = learn(rows.where(~unseen), settings)
        similarities = rows.vectors[unseen] @ centroids.prototypes.T
        support[unseen] = category_support(similarities, centroids)
    return support
