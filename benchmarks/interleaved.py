"""Timing variants in turns, so that a machine's moods fall on all of them alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds of one call: the median, and the quickest tenth's bound."""

    median: float
    quick: float

    @classmethod
    def of(cls, seconds: NDArray[np.float64]) -> "Spread":
        """Sum up the times of many calls."""
        return cls(float(np.median(seconds)), float(np.quantile(seconds, 0.1)))


def take_turns(
    actions: Mapping[str, Callable[[], object]], *, rounds: int, clock: Clock = perf_counter
) -> dict[str, NDArray[np.float64]]:
    """Return each action's seconds, `[rounds]`; in every round each is called once.

    An unmeasured round comes first. The order turns from round to round: what stands behind
    an action that fills the caches would otherwise always pay for it.
    """
    names = list(actions)
    seconds = {name: np.empty(rounds) for name in names}
    for action in actions.values():
        action()
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            started = clock()
            actions[name]()
            seconds[name][number] = clock() - started
    return seconds
