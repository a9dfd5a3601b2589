"""Ways to choose an arm for each prompt, as shares: `[N, A]`, each row summing to 1.

Whatever draws at random is judged by what it gives on average, so nothing here is drawn.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.outcomes import Expected
from semrouter_extproc.workbench.evaluation.sweep import sweep


def within_budgets(
    expected: Expected, tokens: NDArray[np.float64], budgets: Iterable[float]
) -> NDArray[np.float64]:
    """Return the shares that spend at most each budget of true `tokens`, `[B, N, A]`.

    `expected` is what a price is held against, row by row, before any arm has answered.
    """
    decided = sweep(expected.scores, expected.tokens)
    return np.stack([chosen(decided.within(tokens, each), tokens.shape[1]) for each in budgets])


def chosen(arms: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """Return the shares of a policy that gives each row one of `count` arms."""
    return np.eye(count)[arms]


def always(arm: int, rows: int, count: int) -> NDArray[np.float64]:
    """Return the shares of one arm for every row."""
    return chosen(np.full(rows, arm), count)


def by_table(
    categories: Sequence[str], table: Mapping[str, bool], count: int
) -> NDArray[np.float64]:
    """Return the shares of a table set by hand: the dearest arm where it says so.

    A category that the table does not know gets the cheapest, as the default route does.
    """
    on = np.array([table.get(category, False) for category in categories])
    return chosen(np.where(on, count - 1, 0), count)


def by_hindsight(scores: NDArray[np.float64], tokens: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the shares of the best that was possible: the highest score, then the cheapest."""
    return chosen(np.lexsort((tokens, -scores), axis=1)[:, 0], scores.shape[1])


def at_random(
    scores: NDArray[np.float64], tokens: NDArray[np.float64], spent: float
) -> NDArray[np.float64]:
    """Return the shares that spend a mean of `spent` without a look at the prompt.

    Of the mixtures of two arms that spend as much, it is the one that scores best.
    """
    return np.tile(lots_at(scores.mean(axis=0), tokens.mean(axis=0), spent), (len(scores), 1))


def lots_at(
    scores: NDArray[np.float64], tokens: NDArray[np.float64], spent: float
) -> NDArray[np.float64]:
    """Return the shares of arms that spend `spent` best by lot, by their means: each `[A]`."""
    hull = arms_worth_mixing(scores, tokens)
    lots = np.zeros(len(scores))
    lots[hull] = [np.interp(spent, tokens[hull], corner) for corner in np.eye(len(hull))]
    return lots


def arms_worth_mixing(scores: NDArray[np.float64], tokens: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the arms, `[H]`, on the upper hull of mean scores over mean tokens, `[A]`.

    The cheapest and the dearest arm are always among them; `tokens` rise from arm to arm.
    """
    hull: list[int] = []
    for arm in range(len(scores)):
        while len(hull) > 1 and _is_below(scores, tokens, hull[-2], hull[-1], arm):
            hull.pop()
        hull.append(arm)
    return np.array(hull)


def _is_below(
    scores: NDArray[np.float64], tokens: NDArray[np.float64], left: int, middle: int, right: int
) -> bool:
    """Say whether `middle` lies on or below the line between the other two."""
    rise = (scores[right] - scores[left]) * (tokens[middle] - tokens[left])
    return bool((scores[middle] - scores[left]) * (tokens[right] - tokens[left]) <= rise)
