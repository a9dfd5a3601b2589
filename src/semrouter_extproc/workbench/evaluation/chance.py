"""What arms drawn at random would have scored for the same tokens, in every resample."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.workbench.evaluation.policies import arms_worth_mixing
from semrouter_extproc.workbench.evaluation.resampling import resampled_means
from semrouter_extproc.workbench.records import Records

FRACTIONS: Final = np.linspace(0, 1, 21)
"""Where budgets lie between the tokens of the cheapest arm and those of the dearest."""


@dataclass(frozen=True, slots=True, eq=False)
class Chance:
    """The mean scores and tokens of the arms worth mixing, `[1 + R, H]`, cheapest first."""

    scores: NDArray[np.float64]
    tokens: NDArray[np.float64]

    @property
    def budgets(self) -> NDArray[np.float64]:
        """The budgets at which everybody is judged, in mean tokens, `[B]`."""
        budgets: NDArray[np.float64] = self.tokens_at(FRACTIONS)[0]
        return budgets

    def scores_at(self, tokens: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the score of the mixture that spends `tokens`, both `[1 + R, K]`.

        Below the cheapest arm's tokens and above the dearest arm's, it is that arm's score.
        """
        columns = zip(tokens, self.tokens, self.scores, strict=True)
        # In a resample of few rows, two arms may change places.
        return np.array(
            [np.interp(spent, corners, scores) for spent, corners, scores in map(_rising, columns)]
        )

    def tokens_at(self, fractions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the tokens, `[1 + R, K]`, at fractions of the way from cheapest to dearest."""
        cheapest, dearest = self.tokens[:, :1], self.tokens[:, -1:]
        return cheapest + fractions * (dearest - cheapest)


def chance_of(records: Records) -> Chance:
    """Return what the arms of `records` give those who choose blindly."""
    hull = arms_worth_mixing(records.scores.mean(axis=0), records.tokens.mean(axis=0))
    means = resampled_means(np.hstack([records.scores[:, hull], records.tokens[:, hull]]))
    return Chance(means[:, : len(hull)], means[:, len(hull) :])


def _rising(
    row: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    spent, tokens, scores = row
    order = np.argsort(tokens, kind="stable")
    return spent, tokens[order], scores[order]
