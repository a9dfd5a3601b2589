"""Labelled prompts, ready to learn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.workbench.examples import Example
from semrouter_extproc.workbench.features import Features, Indices, Mask, features_of
from semrouter_extproc.workbench.folds import stratified_sample
from semrouter_extproc.workbench.perturbations import TAUGHT
from semrouter_extproc.workbench.progress import Progress

_Value = TypeVar("_Value", bound=np.generic)

MOST_TAUGHT: Final = 16_384
"""The prompts that are learned from at most, copies included: memory grows with their square."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Labelled prompts: `truth` is `[N]`, the index of each one's label."""

    features: Features
    truth: Indices
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def targets(self) -> NDArray[np.float64]:
        """1 for a row's own category and 0 for the others: `[N, C]`."""
        return np.eye(len(self.labels))[self.truth]

    def where(self, chosen: Mask | Indices) -> "Rows":
        """Return the chosen rows."""
        return Rows(self.features.where(chosen), self.truth[chosen], self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """Rows to learn from, and disturbed copies of some of them.

    From the copies, a predictor learns what does not matter: words around a question, typos.
    `origins` is `[M]`: the row that each of the `copies` is of.
    """

    rows: Rows
    copies: Features
    origins: Indices

    @property
    def features(self) -> Features:
        """Rows, then copies: `N + M` prompts."""
        return self.rows.features.followed_by(self.copies)

    def spread(self, values: NDArray[_Value]) -> NDArray[_Value]:
        """Give the copies what their rows have: `[N, ...]` to `[N + M, ...]`."""
        return np.concatenate([values, values[self.origins]])

    def where(self, chosen: Mask) -> "Lessons":
        """Return the chosen rows with their copies."""
        kept = chosen[self.origins]
        places = np.cumsum(chosen) - 1
        origins = places[self.origins[kept]]
        return Lessons(self.rows.where(chosen), self.copies.where(kept), origins)


def without_copies(rows: Rows) -> Lessons:
    """Return `rows` as lessons, just as they are."""
    nothing = np.empty(0, np.intp)
    return Lessons(rows, rows.features.where(nothing), nothing)


def labelled(
    examples: Sequence[Example], labels: tuple[str, ...], encoder: AnyEncoder, progress: Progress
) -> Rows:
    """Encode examples of the categories `labels`."""
    progress.step(f"Encoding {len(examples):,} prompts")
    features = features_of([example.text for example in examples], encoder, progress)
    truth = np.array([labels.index(example.category) for example in examples], np.intp)
    return Rows(features, truth, labels)


def lessons_of(
    rows: Rows, texts: Sequence[str], encoder: AnyEncoder, progress: Progress
) -> Lessons:
    """Disturb the `texts` of `rows`, each in one way, as many as there is room for."""
    origins = stratified_sample(rows.truth, max(MOST_TAUGHT - len(rows), 0))
    progress.step(f"Encoding {len(origins):,} disturbed copies")
    disturbed = [TAUGHT[row % len(TAUGHT)].disturb(texts[row]) for row in origins]
    return Lessons(rows, features_of(disturbed, encoder, progress), origins)
