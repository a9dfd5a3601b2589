"""Choosing how to learn categories, and what certainty means, by cross-validation."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.centroids import SCOPE_SHARES
from semrouter_extproc.core.classify import probabilities_of, support_of
from semrouter_extproc.workbench.features import Features, Indices
from semrouter_extproc.workbench.folds import FOLDS, stratified_folds, stratified_sample
from semrouter_extproc.workbench.kernel_ridge import LeftOut, Settings, likeness_between
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.rows import Lessons, Rows
from semrouter_extproc.workbench.scores import log_loss

USUAL: Final = Settings(sharpness=2.5, ngram_share=0.4, ridge=0.1)
SHARPNESSES: Final = (1.0, 2.5, 5.0)
NGRAM_SHARES: Final = (0.2, 0.4, 0.6)
RIDGES: Final = (0.03, 0.1, 0.3)

TRIED_ON: Final = 4096
"""The rows that settings are tried on at most; more of them choose the same."""

# Not below 0.2: a few rows that all come out right would ask for certainty.
_TEMPERATURES: Final = np.geomspace(0.2, 20, 121)

_LENT: Final = 50
"""How many prompts of all categories a category's familiarity is mixed with."""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The settings with the lowest log loss, and what they make of rows left out in turn.

    `probabilities` is `[N, C]`: what each row got from a model that had not seen it. `scope` is
    `[C, len(SCOPE_SHARES)]`, see `core.centroids.Centroids`.
    """

    settings: Settings
    temperature: float
    probabilities: NDArray[np.float64]
    scope: NDArray[np.float32]


def choose(lessons: Lessons, progress: Progress) -> Choice:
    """Choose settings on a sample of the rows, then see what they make of all."""
    rows = lessons.rows
    settings = _settings(rows.where(stratified_sample(rows.truth, TRIED_ON)), progress)
    progress.detail(_said(settings))
    folds = stratified_folds(rows.truth)
    left_out = _left_out(lessons.features, lessons.spread(folds), settings)
    outputs = left_out.predicted(lessons.spread(rows.targets), settings.ridge)[: len(rows)]
    support = support_of(outputs)
    temperature = fitting_temperature(support, rows.truth)
    nearest = _nearest_of_other_folds(rows.features, folds, settings.sharpness)
    return Choice(
        settings=settings,
        temperature=temperature,
        probabilities=probabilities_of(support, temperature),
        scope=scope_of(outputs.max(axis=1) + nearest, outputs.argmax(axis=1) == rows.truth, rows),
    )


def fitting_temperature(support: NDArray[np.float64], truth: Indices) -> float:
    """Return the temperature that gives `support`, `[N, C]`, the lowest log loss."""
    losses = [log_loss(probabilities_of(support, warmth), truth) for warmth in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def scope_of(
    familiarity: NDArray[np.float64], right: NDArray[np.bool_], rows: Rows
) -> NDArray[np.float32]:
    """Return how familiar the least familiar prompts of each category are.

    Only of rows that are `right`: where the category is wrong, its bar does not count. A category
    of few rows borrows from all the others.
    """
    # Where nothing is right, one row tells as much as another.
    telling = right if right.any() else ~right
    everywhere = np.quantile(familiarity[telling], (np.arange(_LENT) + 0.5) / _LENT)
    own = (familiarity[telling & (rows.truth == index)] for index in range(len(rows.labels)))
    mixed = [np.quantile(np.concatenate([some, everywhere]), SCOPE_SHARES) for some in own]
    return np.array(mixed, np.float32)


def _settings(rows: Rows, progress: Progress) -> Settings:
    """Try each setting's values in turn, the others at their best so far."""
    folds = stratified_folds(rows.truth)
    losses: dict[Settings, float] = {}

    def tried(candidates: Iterator[Settings]) -> Settings:
        group = list(candidates)
        alike = _left_out(rows.features, folds, group[0])
        for settings in group:
            progress.detail(_said(settings))
            support = support_of(alike.predicted(rows.targets, settings.ridge))
            probabilities = probabilities_of(support, fitting_temperature(support, rows.truth))
            losses[settings] = log_loss(probabilities, rows.truth)
        return min(losses, key=losses.__getitem__)

    best = tried(replace(USUAL, ridge=ridge) for ridge in RIDGES)
    for sharpness in SHARPNESSES:
        if sharpness != USUAL.sharpness:
            best = tried(replace(best, sharpness=sharpness, ridge=ridge) for ridge in RIDGES)
    for share in NGRAM_SHARES:
        if share != USUAL.ngram_share:
            best = tried(replace(best, ngram_share=share, ridge=ridge) for ridge in RIDGES)
    return best


def _left_out(features: Features, folds: Indices, settings: Settings) -> LeftOut:
    return LeftOut(
        features,
        folds,
        sharpness=settings.sharpness,
        ngram_share=settings.ngram_share,
    )


def _nearest_of_other_folds(
    features: Features, folds: Indices, sharpness: float
) -> NDArray[np.float64]:
    """Return how like its nearest row of the other folds each row is, `[N]`."""
    nearest = np.empty(len(features))
    for fold in range(FOLDS):
        unseen = folds == fold
        others = features.vectors[~unseen]
        likeness = likeness_between(features.vectors[unseen], others, sharpness)
        nearest[unseen] = likeness.max(axis=1)
    return nearest


def _said(settings: Settings) -> str:
    return (
        f"sharpness {settings.sharpness:g}, n-grams {settings.ngram_share:.0%}, "
        f"ridge {settings.ridge:g}"
    )
