"""What was learned about the categories: the examples that stand for them, and their weights."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.kernel import KernelModel
from semrouter_extproc.errors import ArtefactError

TEMPERATURES: Final = (1e-3, 1e3)
FEWEST_CATEGORIES: Final = 2

SCOPE_SHARES: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""The shares of known prompts for which it is known how familiar the least familiar are."""


@dataclass(frozen=True, slots=True, eq=False)
class Centroids:
    """Several landmarks per category, and how likeness to them becomes probabilities.

    `model` has an output for each of `labels`, which `classify.support_of` makes support of.
    `owners` is `[P]`: the index into `labels` of the category of each landmark. `temperature`
    divides the support so that confidence means what it says. `scope` is `[C,
    len(SCOPE_SHARES)]` float32: the familiarity below which that share of a category's own
    prompts lies.

    Raises ArtefactError for values that do not fit together.
    """

    labels: tuple[str, ...]
    model: KernelModel
    owners: NDArray[np.intp]
    temperature: float
    scope: NDArray[np.float32]

    def __post_init__(self) -> None:
        fault = next(self._faults(), None)
        if fault is not None:
            raise ArtefactError(f"centroids cannot be used: {fault}")

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        return self.model.dimensions

    def familiarity_bars(self, share: float) -> NDArray[np.float64]:
        """Return the familiarity `[C]` that all but `share` of a category's prompts reach.

        `share` is from 0, for none, to the largest of `SCOPE_SHARES`.
        """
        if share <= 0:
            return np.full(len(self.labels), -np.inf)
        return np.array([np.interp(share, SCOPE_SHARES, row) for row in self.scope])

    def familiarity_rank(self, category: int, familiarity: float) -> float:
        """Return the share of a category's own prompts, 0 to 1, that were less familiar.

        Of those beyond the largest of `SCOPE_SHARES` nothing more is known: they are at 1.
        """
        rank = int(np.searchsorted(self.scope[category], familiarity))
        return SCOPE_SHARES[rank] if rank < len(SCOPE_SHARES) else 1.0

    def _faults(self) -> Iterator[str]:
        yield from _label_faults(self.labels)
        count = len(self.labels)
        if self.model.offset.shape != (count,):
            yield f"{len(self.model.offset)} outputs, but {count} categories"
        if self.owners.shape != (len(self.model.landmarks),):
            yield f"{len(self.model.landmarks)} landmarks, but owners {list(self.owners.shape)}"
        elif not self.owners.size:
            yield "no landmarks"
        elif not 0 <= self.owners.min() <= self.owners.max() < count:
            yield f"a landmark belongs to a category beyond the {count} there are"
        lowest, highest = TEMPERATURES
        if not lowest <= self.temperature <= highest:
            yield f"temperature is {self.temperature}, it must be from {lowest} to {highest}"
        if self.scope.shape != (count, len(SCOPE_SHARES)):
            yield f"scope is {list(self.scope.shape)}, it must be {[count, len(SCOPE_SHARES)]}"
        # Written so that NaN, which compares false with everything, counts as wrong.
        elif not np.all(np.diff(self.scope) >= 0):
            yield "scope does not rise from share to share"


def _label_faults(labels: tuple[str, ...]) -> Iterator[str]:
    distinct = len(set(labels))
    if distinct != len(labels):
        yield f"{len(labels)} labels, of which only {distinct} are distinct"
    if distinct < FEWEST_CATEGORIES:
        yield f"{distinct} categories, at least {FEWEST_CATEGORIES} are needed"
    for label in labels:
        # A label travels in a header, and Envoy answers 500 to one that it cannot carry.
        if not label.isprintable() or label.strip() != label or not label:
            yield f"label {label!r} is empty, or has spaces around it or control characters"
