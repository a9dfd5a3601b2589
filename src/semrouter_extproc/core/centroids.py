"""What was learned about the categories: several unit vectors for each."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.errors import ArtefactError

# Cosines differ by at most 2, so no exponential underflows in double precision up to here.
SHARPEST: Final = 300.0
TEMPERATURES: Final = (1e-3, 1e3)
FEWEST_CATEGORIES: Final = 2

_UNIT_TOLERANCE: Final = 1e-3
_MATRIX: Final = 2


@dataclass(frozen=True, eq=False)
class Centroids:
    """Several prototypes per category, and how their similarities become probabilities.

    `prototypes` is `[P, D]` float32 with unit rows, in the order of their categories.
    `owners` is `[P]`: the index into `labels` of the category that each prototype stands for.
    `sharpness` multiplies cosines before a category's prototypes are summed; `temperature`
    divides the logarithm of those sums so that confidence means what it says.

    Raises ArtefactError for values that do not fit together.
    """

    labels: tuple[str, ...]
    prototypes: NDArray[np.float32]
    owners: NDArray[np.intp]
    sharpness: float
    temperature: float

    def __post_init__(self) -> None:
        fault = next(self._faults(), None)
        if fault is not None:
            raise ArtefactError(f"centroids cannot be used: {fault}")

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        return int(self.prototypes.shape[1])

    @cached_property
    def starts(self) -> NDArray[np.intp]:
        """The first prototype of each category, `[C]`."""
        return np.searchsorted(self.owners, np.arange(len(self.labels)))

    @cached_property
    def columns(self) -> NDArray[np.float32]:
        """The prototypes as `[D, P]`, for products with one vector.

        Memory bounds those, and in this order several of its places are read at once.
        """
        return np.ascontiguousarray(self.prototypes.T)

    def _faults(self) -> Iterator[str]:
        yield from self._label_faults()
        yield from self._prototype_faults()
        yield from self._owner_faults()
        lowest, highest = TEMPERATURES
        if not 0 < self.sharpness <= SHARPEST:
            yield f"sharpness is {self.sharpness}, it must be above 0 and at most {SHARPEST}"
        if not lowest <= self.temperature <= highest:
            yield f"temperature is {self.temperature}, it must be from {lowest} to {highest}"

    def _label_faults(self) -> Iterator[str]:
        distinct = len(set(self.labels))
        if distinct != len(self.labels):
            yield f"{len(self.labels)} labels, of which only {distinct} are distinct"
        if distinct < FEWEST_CATEGORIES:
            yield f"{distinct} categories, at least {FEWEST_CATEGORIES} are needed"
        for label in self.labels:
            # A label travels in a header, and Envoy answers 500 to one that it cannot carry.
            if not label.isprintable() or label.strip() != label or not label:
                yield f"label {label!r} is empty, or has spaces around it or control characters"

    def _prototype_faults(self) -> Iterator[str]:
        if self.prototypes.ndim != _MATRIX or self.prototypes.dtype != np.float32:
            found = f"{self.prototypes.dtype} {list(self.prototypes.shape)}"
            yield f"prototypes are {found}, they must be float32 [prototypes, dimensions]"
            return
        norms = np.linalg.norm(self.prototypes, axis=1)
        # Written so that NaN, which compares false with everything, counts as wrong.
        wrong = np.flatnonzero(~(np.abs(norms - 1) <= _UNIT_TOLERANCE))
        if wrong.size:
            yield f"prototype {wrong[0]} has length {norms[wrong[0]]:.4g}, it must have length 1"

    def _owner_faults(self) -> Iterator[str]:
        if self.owners.shape != (len(self.prototypes),):
            yield f"{len(self.prototypes)} prototypes but owners shaped {list(self.owners.shape)}"
            return
        found, expected = set(self.owners.tolist()), set(range(len(self.labels)))
        if found - expected:
            stranger = min(found - expected)
            yield f"a prototype belongs to category {stranger} of {len(self.labels)}"
        if expected - found:
            yield f"category {self.labels[min(expected - found)]!r} has no prototype"
        if np.any(np.diff(self.owners) < 0):
            yield "prototypes are not in the order of their categories"
