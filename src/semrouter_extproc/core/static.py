"""A prompt's category without a transformer: by its n-grams alone.

It is asked first, because it costs a fiftieth of what an encoder does, and it is believed
only where its lead clears a bar.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from semrouter_extproc.core.centroids import TEMPERATURES
from semrouter_extproc.core.classify import Classification, classification_of
from semrouter_extproc.core.ngrams import Buckets, NgramModel
from semrouter_extproc.errors import ArtefactError


@dataclass(frozen=True, slots=True, eq=False)
class StaticModel:
    """A linear model over the n-grams of a text: support for each of `labels`.

    `temperature` divides the support so that confidence means what it says. `bar` is the lead
    in probability that a decision needs to stand without the encoder.

    Raises ArtefactError for values that do not fit together.
    """

    labels: tuple[str, ...]
    ngrams: NgramModel
    temperature: float
    bar: float

    def __post_init__(self) -> None:
        fault = next(self._faults(), None)
        if fault is not None:
            raise ArtefactError(f"the static tier cannot be used: {fault}")

    def _faults(self) -> Iterator[str]:
        lowest, highest = TEMPERATURES
        if self.ngrams.weights.shape[1:] != (len(self.labels),):
            found = list(self.ngrams.weights.shape)
            yield f"weights are shaped {found}, but there are {len(self.labels)} categories"
        if not lowest <= self.temperature <= highest:
            yield f"temperature is {self.temperature}, it must be from {lowest} to {highest}"
        if not 0 < self.bar <= 1:
            yield f"bar is {self.bar}, it must be above 0 and at most 1"


def classify_static(buckets: Buckets, model: StaticModel) -> Classification:
    """Find the category of a text by its n-grams; a text without any could be anything."""
    support = model.ngrams.outputs(buckets)
    return classification_of(support, model.labels, model.temperature)
