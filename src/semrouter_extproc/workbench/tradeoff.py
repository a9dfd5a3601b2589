"""The frontier of arms on paired records, and whether it beats arms drawn by lot."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.artefact.outcomes import Gain
from semrouter_extproc.core.frontier import Frontier
from semrouter_extproc.core.outcomes import Expected
from semrouter_extproc.workbench.evaluation.policies import arms_worth_mixing, lots_at

Numbers = NDArray[np.float64]
Choices = NDArray[np.intp]

_POINTS: Final = 50
_NORMAL_95: Final = 1.96


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """What every arm made of every prompt: `scores` and `tokens`, `[N, A]`, cheapest first."""

    scores: Numbers
    tokens: Numbers

    @property
    def arms_worth_mixing(self) -> Choices:
        """The arms on the upper hull of mean scores over mean tokens, `[H]`."""
        return arms_worth_mixing(self.scores.mean(axis=0), self.tokens.mean(axis=0))

    def lots_at(self, spent: float) -> Numbers:
        """Return the shares of arms, `[A]`, that spend a mean of `spent` tokens best by lot."""
        return lots_at(self.scores.mean(axis=0), self.tokens.mean(axis=0), spent)

    def scores_above_lots(self, arms: Choices) -> Numbers:
        """Return each row's score above that of lots that spend as much in all, `[N]`.

        To first order in what the draw of rows changes: their mean is the gain, and their
        spread divided by the root of `N` is its standard error.
        """
        scores, tokens = picked(self.scores, arms), picked(self.tokens, arms)
        lots = self.lots_at(float(tokens.mean()))
        above: Numbers = (
            scores
            - self.scores @ lots
            - self._score_per_token(lots) * (tokens - self.tokens @ lots)
        )
        return above

    def _score_per_token(self, lots: Numbers) -> float:
        """Return the slope of the line of lots where it passes `lots`."""
        hull = self.arms_worth_mixing
        right = max(1, int(np.flatnonzero(lots[hull]).max()))
        scores = self.scores[:, hull].mean(axis=0)
        tokens = self.tokens[:, hull].mean(axis=0)
        dearer = tokens[right] - tokens[right - 1]
        return float((scores[right] - scores[right - 1]) / dearer) if dearer > 0 else 0.0


def learned_frontier(seen: Observed, expected: Expected) -> tuple[Frontier, Gain]:
    """Return what prices give on rows whose outcomes were `expected` without a look at them."""
    prices = worthwhile_prices(expected)
    choices = [expected.worth(price) for price in prices]
    above = np.stack([seen.scores_above_lots(arms) for arms in choices])
    scores = np.stack([picked(seen.scores, arms) for arms in choices])
    tokens = np.stack([picked(seen.tokens, arms) for arms in choices])
    count = seen.scores.shape[1]
    frontier = _frontier(
        seen,
        prices=prices,
        arm_shares=np.stack([np.bincount(arms, minlength=count) / len(arms) for arms in choices]),
        tokens=tokens.mean(axis=1),
        reached=scores,
        matched=scores.mean(axis=1) - above.mean(axis=1),
        by_lot=False,
    )
    return frontier, _gain(above.mean(axis=0))


def lots_frontier(seen: Observed) -> Frontier:
    """Return the arms that are worth mixing, each a point of its own."""
    hull = seen.arms_worth_mixing
    scores, tokens = seen.scores.mean(axis=0)[hull], seen.tokens.mean(axis=0)[hull]
    slopes = np.diff(scores) / np.maximum(np.diff(tokens), 1e-9)
    return _frontier(
        seen,
        prices=np.append(slopes, 0.0),
        arm_shares=np.eye(seen.scores.shape[1])[hull],
        tokens=tokens,
        reached=seen.scores[:, hull].T,
        matched=scores,
        by_lot=True,
    )


def worthwhile_prices(expected: Expected) -> Numbers:
    """Return falling prices, the last 0, between which about as many rows change their arm."""
    gains = expected.scores[:, 1:] - expected.scores[:, :1]
    costs = expected.tokens[:, 1:] - expected.tokens[:, :1]
    worthwhile = (gains > 0) & (costs > 0)
    if not worthwhile.any():
        return np.zeros(1)
    breaks = gains[worthwhile] / costs[worthwhile]
    steps = np.quantile(breaks, np.linspace(1, 0, _POINTS))
    # At the highest price of all nobody pays.
    return np.concatenate([[2 * steps[0]], steps[1:], [0.0]])


def picked(values: Numbers, arms: Choices) -> Numbers:
    """Return the value of each row's arm: `[N, A]` and `[N]` to `[N]`."""
    return values[np.arange(len(arms)), arms]


def _frontier(
    seen: Observed,
    *,
    prices: Numbers,
    arm_shares: Numbers,
    tokens: Numbers,
    reached: Numbers,
    matched: Numbers,
    by_lot: bool,
) -> Frontier:
    """Describe points by the score that each row reached at them, `[F, N]`."""
    error = _NORMAL_95 * reached.std(axis=1) / np.sqrt(reached.shape[1])
    scores = reached.mean(axis=1)
    return Frontier(
        prices=prices,
        arm_shares=arm_shares,
        token_shares=tokens / seen.tokens[:, -1].mean(),
        scores=scores,
        lows=scores - error,
        highs=scores + error,
        matched=matched,
        arm_scores=seen.scores.mean(axis=0),
        arm_tokens=seen.tokens.mean(axis=0),
        by_lot=by_lot,
    )


def _gain(above: Numbers) -> Gain:
    mean, error = float(above.mean()), float(_NORMAL_95 * above.std() / np.sqrt(len(above)))
    return Gain(round(mean, 6), round(mean - error, 6), round(mean + error, 6))
