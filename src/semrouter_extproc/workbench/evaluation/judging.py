"""What policies came to on paired records, with intervals from the same resampled rows."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.workbench.evaluation.chance import Chance
from semrouter_extproc.workbench.evaluation.resampling import interval, resampled_means
from semrouter_extproc.workbench.evaluation.results import CategoryGain, McNemar, PolicyScore
from semrouter_extproc.workbench.evaluation.significance import mcnemar
from semrouter_extproc.workbench.records import Records

Shares = NDArray[np.float64]


def played(records: Records, shares: Shares) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the scores and the tokens of policies `[P, N, A]` on every row, `[N, P]` each."""
    scores = np.einsum("pna,na->np", shares, records.scores)
    return scores, np.einsum("pna,na->np", shares, records.tokens)


def judge_policies(
    records: Records, policies: Mapping[str, Shares], chance: Chance
) -> dict[str, PolicyScore]:
    """Score each policy's shares, `[N, A]`."""
    scores, tokens = played(records, np.stack(list(policies.values())))
    count = len(policies)
    means = resampled_means(np.hstack([scores, tokens]))
    reached, spent = means[:, :count], means[:, count:]
    gains = reached - chance.scores_at(spent)
    return {
        name: PolicyScore(
            accuracy=float(reached[0, at]),
            ci95=interval(reached[:, at]),
            tokens=float(spent[0, at]),
            token_share=float(spent[0, at] / records.tokens[:, -1].mean()),
            reasoned=float(shares[:, -1].mean()),
            gain=float(gains[0, at]),
            gain_ci95=interval(gains[:, at]),
            mcnemar=_against_always_on(records, shares),
            unparsed=float((shares * records.unparsed).sum()),
            truncated=float((shares * records.truncated).sum()),
        )
        for at, (name, shares) in enumerate(policies.items())
    }


def judge_categories(records: Records, router: Shares, matched: Shares) -> tuple[CategoryGain, ...]:
    """Score the router's shares within each category that rows name, most rows first."""
    names, rows = np.unique([name for name in records.categories if name], return_counts=True)
    members = np.array(records.categories)[:, None] == names
    (scores, by_chance), (tokens, _) = (
        each.T for each in played(records, np.stack([router, matched]))
    )
    means = resampled_means(np.hstack([members, members * (scores - by_chance)[:, None]]))
    # A category of few rows is missing from some resamples.
    present = np.where(means[:, : len(names)] > 0, means[:, : len(names)], np.nan)
    gains = means[:, len(names) :] / present
    found = [
        CategoryGain(
            category=str(name),
            rows=int(rows[at]),
            always_on=float(records.scores[member, -1].mean()),
            always_off=float(records.scores[member, 0].mean()),
            router=float(scores[member].mean()),
            token_share=float(tokens[member].mean() / records.tokens[member, -1].mean()),
            reasoned=float(router[member, -1].mean()),
            gain=float(gains[0, at]),
            gain_ci95=interval(gains[:, at]),
        )
        for at, (name, member) in enumerate(zip(names, members.T, strict=True))
    ]
    return tuple(sorted(found, key=lambda each: -each.rows))


def _against_always_on(records: Records, shares: Shares) -> McNemar | None:
    """Return the test, or None for always-on itself and for what draws at random."""
    if (shares.max(axis=1) < 1).any() or (shares[:, -1] == 1).all():
        return None
    return mcnemar((shares * records.scores).sum(axis=1), records.scores[:, -1])
