"""The whole frontier: what each way to predict reaches within every budget of tokens."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.outcomes import Expected
from semrouter_extproc.workbench.evaluation.chance import FRACTIONS, Chance
from semrouter_extproc.workbench.evaluation.judging import Shares, played
from semrouter_extproc.workbench.evaluation.policies import within_budgets
from semrouter_extproc.workbench.evaluation.resampling import interval, resampled_means
from semrouter_extproc.workbench.evaluation.results import Area, Areas, FrontierPoint
from semrouter_extproc.workbench.records import Records


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The scores reached and the tokens spent within each budget, `[1 + R, B]` each."""

    scores: NDArray[np.float64]
    tokens: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Frontier:
    """The curves of everyone who predicts, beside what chance gives."""

    router: Curve
    nearest: Curve
    oracle: Curve
    category_known: Curve | None
    chance: Chance

    @property
    def points(self) -> tuple[FrontierPoint, ...]:
        """The figures at each budget."""
        by_chance = self.chance.scores_at(self.router.tokens)
        gains = self.router.scores - by_chance
        dearest = self.chance.tokens[0, -1]
        known = None if self.category_known is None else self.category_known.scores[0]
        return tuple(
            FrontierPoint(
                budget=float(budget / dearest),
                token_share=float(self.router.tokens[0, at] / dearest),
                accuracy=float(self.router.scores[0, at]),
                ci95=interval(self.router.scores[:, at]),
                matched_random=float(by_chance[0, at]),
                gain=float(gains[0, at]),
                gain_ci95=interval(gains[:, at]),
                category_known=None if known is None else float(known[at]),
                nearest=float(self.nearest.scores[0, at]),
                oracle=float(self.oracle.scores[0, at]),
            )
            for at, budget in enumerate(self.chance.budgets)
        )

    @property
    def areas(self) -> Areas:
        """The areas above chance."""
        known = self.category_known
        return Areas(
            router=self._area(self.router),
            nearest=self._area(self.nearest),
            category_known=None if known is None else self._area(known),
        )

    def _area(self, curve: Curve) -> Area | None:
        most = self._above_chance(self.oracle)
        if not most[0] > 0:
            return None
        shares = self._above_chance(curve) / np.where(most > 0, most, np.nan)
        return Area(share=float(shares[0]), ci95=interval(shares))

    def _above_chance(self, curve: Curve) -> NDArray[np.float64]:
        """Return the mean height of a curve above chance over all budgets, `[1 + R]`.

        Chance spends the budget to the end, even where the curve does not.
        """
        cheapest, dearest = self.chance.tokens[0, [0, -1]]
        # Who spends more than a budget, as nothing cheaper was known, is held against that.
        paid = np.maximum(FRACTIONS, (curve.tokens[0] - cheapest) / max(dearest - cheapest, 1e-9))
        line = self.chance.scores_at(self.chance.tokens_at(paid))
        heights = np.trapezoid(curve.scores - line, FRACTIONS, axis=1)
        return np.asarray(heights)


def frontier_of(
    records: Records,
    chance: Chance,
    *,
    router: Shares,
    nearest: Shares,
    category_known: Shares | None,
) -> Frontier:
    """Return the frontiers of shares at each of `chance.budgets`, `[B, N, A]`, and the oracle's."""
    truth = Expected(records.scores, records.tokens)
    oracle = within_budgets(truth, records.tokens, chance.budgets)
    return Frontier(
        router=_curve(records, router),
        nearest=_curve(records, nearest),
        oracle=_curve(records, oracle),
        category_known=None if category_known is None else _curve(records, category_known),
        chance=chance,
    )


def _curve(records: Records, shares: Shares) -> Curve:
    means = resampled_means(np.hstack(played(records, shares)))
    return Curve(means[:, : len(shares)], means[:, len(shares) :])
