"""Everything that paired records say about policies."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.outcomes import Expected
from semrouter_extproc.workbench.evaluation.baselines import by_category
from semrouter_extproc.workbench.evaluation.chance import chance_of
from semrouter_extproc.workbench.evaluation.frontier import frontier_of
from semrouter_extproc.workbench.evaluation.judging import (
    Shares,
    judge_categories,
    judge_policies,
)
from semrouter_extproc.workbench.evaluation.policies import (
    always,
    at_random,
    by_hindsight,
    by_table,
    within_budgets,
)
from semrouter_extproc.workbench.evaluation.resampling import RESAMPLES
from semrouter_extproc.workbench.evaluation.results import PolicyReport
from semrouter_extproc.workbench.records import Records


@dataclass(frozen=True, slots=True, eq=False)
class Contenders:
    """What is judged on records, row by row.

    `router` is what was expected of each arm before it answered, None where arms are drawn by
    lot; `nearest` is expected by the means of `neighbours` rows. `folds` `[N]` are those that
    each row's expectation was learned without. `table` is set by hand: whether to reason, by
    the category in `placed`. `predictions` and `hand_set_by` say where the two are from.
    """

    router: Expected | None
    nearest: Expected
    neighbours: int
    folds: NDArray[np.intp]
    placed: Sequence[str]
    table: Mapping[str, bool]
    predictions: str
    hand_set_by: str


def report_policies(records: Records, contenders: Contenders, token_share: float) -> PolicyReport:
    """Judge every policy, the router where it spends `token_share` of always-on's tokens."""
    chance = chance_of(records)
    shares = _shares(records, contenders, token_share)
    frontier = frontier_of(
        records,
        chance,
        router=_router(records, contenders, chance.budgets),
        nearest=within_budgets(contenders.nearest, records.tokens, chance.budgets),
        category_known=_category_known(records, contenders, chance.budgets),
    )
    return PolicyReport(
        rows=len(records.ids),
        arms=records.arms,
        token_share=token_share,
        predictions=contenders.predictions,
        hand_set_by=contenders.hand_set_by,
        neighbours=contenders.neighbours,
        resamples=RESAMPLES,
        areas=frontier.areas,
        frontier=frontier.points,
        categories=judge_categories(records, shares["router"], shares["matched_random"]),
        **judge_policies(records, shares, chance),
    )


def _shares(records: Records, contenders: Contenders, token_share: float) -> dict[str, Shares]:
    scores, tokens = records.scores, records.tokens
    rows, arms = scores.shape
    budget = [token_share * tokens[:, -1].mean()]
    router = _router(records, contenders, budget)[0]
    return {
        "always_on": always(arms - 1, rows, arms),
        "always_off": always(0, rows, arms),
        "matched_random": at_random(scores, tokens, _spent(router, tokens)),
        "per_category": by_table(contenders.placed, contenders.table, arms),
        "nearest": within_budgets(contenders.nearest, tokens, budget)[0],
        "router": router,
        "oracle": by_hindsight(scores, tokens),
    }


def _router(records: Records, contenders: Contenders, budgets: Iterable[float]) -> Shares:
    """Return the router's shares within each budget, `[B, N, A]`."""
    if contenders.router is None:
        lots = (at_random(records.scores, records.tokens, budget) for budget in budgets)
        return np.stack(list(lots))
    return within_budgets(contenders.router, records.tokens, budgets)


def _spent(shares: Shares, tokens: NDArray[np.float64]) -> float:
    return float((shares * tokens).sum(axis=1).mean())


def _category_known(
    records: Records, contenders: Contenders, budgets: Iterable[float]
) -> Shares | None:
    """Return the shares of a router that knows each row's category, and nothing else."""
    if not all(records.categories):
        return None
    scores, tokens = records.scores, records.tokens
    expected = by_category(records.categories, scores, tokens, contenders.folds)
    return within_budgets(expected, tokens, budgets)
