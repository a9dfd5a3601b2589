"""What tokens buy: expected scores over the tokens spent, and an operator's number on them.

Shares and scores are from 0 to 1; a price is score per token: at 0.0001, a point of accuracy
(0.01) is worth 100 tokens.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.errors import ArtefactError

Numbers = NDArray[np.float64]


class Aim(StrEnum):
    """What an operator's number means."""

    TOKEN_SHARE = "token_share"  # noqa: S105 - tokens of text
    """Spend at most this share of the dearest arm's tokens."""
    REASONING_SHARE = "reasoning_share"
    """Send at most this share of prompts to the dearest arm."""
    TOKENS_PER_POINT = "tokens_per_point"
    """Spend this many tokens, and no more, for a point of accuracy."""
    FLOOR_POINTS = "floor_points"
    """Stay at most this many points of accuracy below the dearest arm, at the least tokens."""


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What an operator's number compiled to.

    `price` is what a token costs in score. `lots` `[A]`, where prompts are drawn instead of
    told apart, is the share of each arm. `position` is the place on the frontier.
    """

    price: float
    lots: Numbers | None
    position: float


@dataclass(frozen=True, eq=False)
class Frontier:
    """Points from the fewest tokens to the most that are worth spending.

    At each of `F` points: `prices` `[F]`, the share of prompts of each arm `arm_shares`
    `[F, A]`, `token_shares` `[F]` of the dearest arm's tokens, the `scores` `[F]` that rows
    reached which nothing was learned from, their 95 % interval from `lows` to `highs`, and
    `matched` `[F]`, what arms drawn by lot reach for the same tokens. `arm_scores` and
    `arm_tokens` `[A]` are the means of each arm, cheapest first. `by_lot` says that prompts
    cannot be told apart: then the points are arms, or mixtures of them.

    Raises ArtefactError for values that do not fit together.
    """

    prices: Numbers
    arm_shares: Numbers
    token_shares: Numbers
    scores: Numbers
    lows: Numbers
    highs: Numbers
    matched: Numbers
    arm_scores: Numbers
    arm_tokens: Numbers
    by_lot: bool

    def __post_init__(self) -> None:
        points, arms = len(self.prices), len(self.arm_scores)
        columns = (self.token_shares, self.scores, self.lows, self.highs, self.matched)
        fits = (
            points > 0
            and all(column.shape == (points,) for column in columns)
            and self.arm_shares.shape == (points, arms)
            and self.arm_tokens.shape == (arms,)
        )
        every = (self.prices, self.arm_shares, self.arm_scores, self.arm_tokens, *columns)
        if not fits or not all(np.isfinite(column).all() for column in every):
            raise ArtefactError("the frontier's points do not fit together")

    def compiled(self, aim: Aim, amount: float) -> Setting:
        """Return what `amount` of `aim` means: at most that much, to the end of the frontier."""
        if aim is Aim.TOKENS_PER_POINT:
            return self._at_price(0.01 / amount)
        if aim is Aim.FLOOR_POINTS:
            return self._above(self.arm_scores[-1] - amount / 100)
        spent = self.token_shares if aim is Aim.TOKEN_SHARE else self.arm_shares[:, -1]
        return self._at(self._place(amount, np.maximum.accumulate(spent)))

    def read(self, column: Numbers, position: float) -> float:
        """Return the value of a column, `[F]`, at a place between its points."""
        return float(np.interp(position, np.arange(len(column)), column))

    def _place(self, amount: float, rising: Numbers) -> float:
        return float(np.interp(amount, rising, np.arange(len(rising))))

    def _at(self, position: float) -> Setting:
        lots = np.array([self.read(shares, position) for shares in self.arm_shares.T])
        return Setting(self.read(self.prices, position), lots if self.by_lot else None, position)

    def _at_price(self, price: float) -> Setting:
        if self.by_lot:
            # A mixture is worth as much as its arms at best.
            worth = self.scores - price * self.token_shares * self.arm_tokens[-1]
            return self._at(float(worth.argmax()))
        return Setting(price, None, self._place(-price, -self.prices))

    def _above(self, floor: float) -> Setting:
        high_enough = np.flatnonzero(self.scores >= floor)
        if not high_enough.size:
            return self._always_dearest()
        reached = int(high_enough[0])
        if reached == 0:
            return self._at(0.0)
        below, above = self.scores[reached - 1 : reached + 1]
        return self._at(reached - float((above - floor) / (above - below)))

    def _always_dearest(self) -> Setting:
        return Setting(0.0, np.eye(len(self.arm_scores))[-1], len(self.prices) - 1.0)
