"""Plain values that the layers above hand to the metrics."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One batch of the encoder.

    `padding` is what the encoder computed over what it was asked for: 1.0 means that all
    texts were of one length. `waited` holds every text's seconds in the queue, `seconds` is
    the encoder's own time. `is_full` says that other texts had to wait for the next batch.
    """

    size: int
    padding: float
    waited: Sequence[float]
    seconds: float
    is_full: bool
