"""Every decision that a price of tokens makes, from one too dear to pay down to none.

At a price `p` a row goes to the arm with the highest `score - p * tokens`. As `p` falls, a row
only ever moves along the upper hull of its arms, so the whole frontier is one list of moves in
the order of the prices that make them. Predicted scores and tokens give a router's frontier,
the true ones the oracle's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

_ROUNDING: Final = 1 + 1e-9
_SEED: Final = 0


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """The arm of each row where tokens are too dear, `start` `[N]`, and the moves from there.

    Move `i` takes row `rows[i]` from arm `left[i]` to arm `arms[i]`, in the order of falling
    prices, `[M]` each.
    """

    start: NDArray[np.intp]
    rows: NDArray[np.intp]
    left: NDArray[np.intp]
    arms: NDArray[np.intp]

    def within(self, tokens: NDArray[np.float64], budget: float) -> NDArray[np.intp]:
        """Return each row's arm after the most moves whose mean of `tokens`, `[N, A]`, is paid.

        A budget below the first arms' tokens gives those: nothing cheaper is known.
        """
        moved = tokens[self.rows, self.arms] - tokens[self.rows, self.left]
        first = tokens[np.arange(len(tokens)), self.start].mean()
        spent = first + moved.cumsum() / len(tokens)
        affordable = np.flatnonzero(spent <= budget * _ROUNDING)
        moves = int(affordable[-1]) + 1 if affordable.size else 0
        arms = self.start.copy()
        # Where a row moves twice, numpy keeps the later arm.
        arms[self.rows[:moves]] = self.arms[:moves]
        return arms


def sweep(scores: NDArray[np.float64], tokens: NDArray[np.float64]) -> Sweep:
    """Return the decisions for arms of these scores and tokens, `[N, A]`, at every price."""
    cheapest = np.lexsort((-scores, tokens), axis=1)[:, 0]
    moves = list(_moves(scores, tokens, cheapest))
    rows, left, arms, prices = (np.concatenate(column) for column in zip(*moves, strict=True))
    # Stable: a row's own moves, of falling price, stay in their order.
    order = np.argsort(-prices, kind="stable")
    return Sweep(cheapest, rows[order], left[order], arms[order])


_Moves: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]


def _moves(
    scores: NDArray[np.float64], tokens: NDArray[np.float64], start: NDArray[np.intp]
) -> Iterator[_Moves]:
    """Yield each row's next move along its hull: rows, the arms left and reached, prices."""
    here = start.copy()
    # Rows of the same price must not move in the order of the file, which may be sorted.
    shuffled = np.random.default_rng(_SEED).permutation(len(scores))
    for _ in range(scores.shape[1] - 1):
        gains = scores - np.take_along_axis(scores, here[:, None], axis=1)
        costs = tokens - np.take_along_axis(tokens, here[:, None], axis=1)
        useful = (gains > 0) & (costs > 0)
        prices = np.divide(gains, costs, out=np.zeros_like(gains), where=useful)
        best = prices.argmax(axis=1)
        moving = shuffled[prices[shuffled, best[shuffled]] > 0]
        yield moving, here[moving], best[moving], prices[moving, best[moving]]
        here[moving] = best[moving]
