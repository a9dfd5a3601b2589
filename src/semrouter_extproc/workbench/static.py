"""Learning the static tier: what n-grams say, and how sure they must be to say it alone.

A linear model over hashed n-grams learns from the labels and from the encoder's own opinion of
each row, half and half. Rows left out in turn then give the temperature and the bar.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped]
from scipy.sparse import csr_array  # type: ignore[import-untyped]

from semrouter_extproc.artefact import StaticJudgement, StaticMeta
from semrouter_extproc.core.classify import probabilities_of
from semrouter_extproc.core.ngrams import BUCKETS, NgramModel
from semrouter_extproc.core.static import StaticModel
from semrouter_extproc.workbench.choose import fitting_temperature
from semrouter_extproc.workbench.features import Indices, rarity_of, weighed
from semrouter_extproc.workbench.folds import FOLDS, stratified_folds
from semrouter_extproc.workbench.progress import Progress

DIFFERENT_AT_MOST: Final = 0.01
"""The share of all prompts whose decision may change because the encoder was not asked."""

USUAL_MARGIN: Final = 0.1
"""The lead below which a decision of the encoder is taken for none, as in the configuration."""

ANSWERED_AT_LEAST: Final = 0.05
"""The share of all prompts below which asking costs more than it saves."""

# One-sided, 95 %.
_SURENESS: Final = 1.645
# The larger, the less weights are penalized. From 5 to 20 the bar lets through as much.
_STRENGTH: Final = 10.0
# Half of these are enough for 6,000 rows.
_ROUNDS: Final = 40

Probabilities = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """What is learned from: `[N]` texts by their n-grams, and what they should be taken for.

    `counted` is sparse, `[N, BUCKETS]`, 1 where a text has an n-gram. `truth` `[N]` is the
    index of the label, `taught` `[N, C]` what the encoder takes a text for, by centroids that
    were learned without it.
    """

    counted: csr_array
    truth: Indices
    taught: Probabilities

    def where(self, chosen: NDArray[np.bool_]) -> "Taught":
        """Return the chosen rows."""
        return Taught(self.counted[chosen], self.truth[chosen], self.taught[chosen])


@dataclass(frozen=True, slots=True)
class StaticChoice:
    """What rows left out in turn say about certainty. See `core.static.StaticModel`."""

    temperature: float
    bar: float
    judgement: StaticJudgement


@dataclass(frozen=True, slots=True, eq=False)
class StaticTier:
    """A static tier and what is known about it."""

    model: StaticModel
    meta: StaticMeta


def fit_static(
    rows: Taught, judged: NDArray[np.bool_], labels: tuple[str, ...], progress: Progress
) -> StaticTier | None:
    """Choose on the rows that are not `judged`, judge on those, then learn from all.

    Returns None where the rows cannot prove any bar to be worth it; below 268 they never can.
    """
    seen = rows.where(~judged)
    choice = choose_static(seen, progress)
    if choice is None:
        return None
    held_out = None
    if judged.any():
        held_out = judge_static(learn_static(seen, choice, labels), rows.where(judged))
    return StaticTier(
        learn_static(rows, choice, labels),
        StaticMeta(
            temperature=choice.temperature,
            bar=choice.bar,
            cross_validation=choice.judgement,
            held_out=held_out,
        ),
    )


def choose_static(rows: Taught, progress: Progress) -> StaticChoice | None:
    """Find temperature and bar; None where the rows cannot prove any bar to be worth it."""
    support = np.empty_like(rows.taught)
    folds = stratified_folds(rows.truth)
    for fold in range(FOLDS):
        progress.detail(f"part {fold + 1} of {FOLDS}")
        unseen = folds == fold
        support[unseen] = _support(rows.counted[unseen], _learned(rows.where(~unseen)))
    temperature = fitting_temperature(support, rows.truth)
    probabilities = probabilities_of(support, temperature)
    bar = _lowest_bar(leads(probabilities), _differ(probabilities, rows.taught))
    if bar is None:
        return None
    judgement = _judgement(probabilities, rows, bar)
    is_worth_it = judgement.answered >= ANSWERED_AT_LEAST
    return StaticChoice(temperature, bar, judgement) if is_worth_it else None


def learn_static(rows: Taught, choice: StaticChoice, labels: tuple[str, ...]) -> StaticModel:
    """Learn from all `rows`."""
    return StaticModel(labels, _learned(rows), choice.temperature, choice.bar)


def judge_static(model: StaticModel, rows: Taught) -> StaticJudgement:
    """Judge `model` and the encoder behind it on rows that neither has learned from."""
    support = _support(rows.counted, model.ngrams)
    return _judgement(probabilities_of(support, model.temperature), rows, model.bar)


def leads(probabilities: Probabilities) -> NDArray[np.float64]:
    """Return by how much the likeliest category leads over the next: `[N, C]` to `[N]`."""
    top = np.partition(probabilities, -2, axis=1)
    lead: NDArray[np.float64] = top[:, -1] - top[:, -2]
    return lead


def _judgement(probabilities: Probabilities, rows: Taught, bar: float) -> StaticJudgement:
    alone = leads(probabilities) >= bar
    by_encoder = rows.taught.argmax(axis=1)
    together = np.where(alone, probabilities.argmax(axis=1), by_encoder)
    return StaticJudgement(
        rows=len(rows.truth),
        answered=_share(alone),
        differ=_share(alone & _differ(probabilities, rows.taught)),
        accuracy=_share(together == rows.truth),
        encoder_accuracy=_share(by_encoder == rows.truth),
    )


def _share(flags: NDArray[np.bool_]) -> float:
    return round(float(flags.mean()), 4)


def _differ(probabilities: Probabilities, taught: Probabilities) -> NDArray[np.bool_]:
    """Say where the encoder would decide otherwise if every category went its own way."""
    other: NDArray[np.bool_] = probabilities.argmax(axis=1) != taught.argmax(axis=1)
    return other | (leads(taught) < USUAL_MARGIN)


def _lowest_bar(lead: NDArray[np.float64], differ: NDArray[np.bool_]) -> float | None:
    """Return the lowest lead above which too many decisions can, almost surely, not differ."""
    order = np.argsort(-lead, kind="stable")
    sorted_lead = lead[order]
    allowed = _at_most(np.cumsum(differ[order]), len(lead)) < DIFFERENT_AT_MOST
    # Rows of equal lead are answered together.
    allowed &= np.append(sorted_lead[1:] < sorted_lead[:-1], True)
    if not allowed.any():
        return None
    return max(float(sorted_lead[np.flatnonzero(allowed)[-1]]), USUAL_MARGIN)


def _at_most(counts: Indices, rows: int) -> NDArray[np.float64]:
    """Return the upper end of Wilson's interval of a share seen `counts` times in `rows`."""
    share, spread = counts / rows, _SURENESS**2 / rows
    half = _SURENESS * np.sqrt(share * (1 - share) / rows + spread / (4 * rows))
    upper: NDArray[np.float64] = (share + spread / 2 + half) / (1 + spread)
    return upper


def _support(counted: csr_array, model: NgramModel) -> NDArray[np.float64]:
    support: NDArray[np.float64] = (weighed(counted, model.rarity) @ model.weights).astype(
        np.float64
    )
    return support


def _learned(rows: Taught) -> NgramModel:
    """Learn a penalized logistic regression."""
    total, categories = rows.taught.shape
    rarity = rarity_of(rows.counted)
    # Of a bucket that no row has, the penalty leaves nothing: it need not be searched for.
    occurring = np.unique(rows.counted.indices)
    features = weighed(rows.counted, rarity)[:, occurring]
    transposed = features.T.tocsr()
    wanted = (np.eye(categories)[rows.truth] + rows.taught) / 2

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(-1, categories).astype(np.float32)
        found = probabilities_of((features @ weights).astype(np.float64), 1.0)
        surprise = -np.sum(wanted * np.log(np.maximum(found, np.finfo(np.float64).tiny)))
        gradient = (transposed @ (found - wanted).astype(np.float32)).ravel()
        value = surprise + flat @ flat / (2 * _STRENGTH)
        return float(value / total), (gradient + flat / _STRENGTH) / total

    start = np.zeros(len(occurring) * categories)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _ROUNDS})
    weights = np.zeros((BUCKETS, categories), np.float32)
    weights[occurring] = found.x.reshape(-1, categories)
    return NgramModel(rarity, weights)
