"""Everyone who says when to reason: the router, its rivals, chance, and who knows the answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.frontier import Frontier
from semrouter_extproc.core.outcomes import Expected
from semrouter_extproc.workbench.evaluation.baselines import by_category, by_neighbours
from semrouter_extproc.workbench.features import Features
from semrouter_extproc.workbench.outcomes_fit import expected_of, folds_of, learn_outcomes
from semrouter_extproc.workbench.records import Records
from semrouter_extproc.workbench.tradeoff import Observed, learned_frontier, lots_frontier

NEIGHBOURS: Final = (10, 20, 40, 80)

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Records with their features, and which of them are judged, `[N]`."""

    records: Records
    features: Features
    judged: Mask

    @property
    def learning(self) -> Records:
        """The rows that may be learned from."""
        return self.records.where(~self.judged)

    @property
    def judging(self) -> Observed:
        """What the arms made of the judged rows."""
        return seen(self.records.where(self.judged))


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A frontier from which budgets compile, and what is expected of the judged rows."""

    frontier: Frontier
    expected: Expected


def router(split: Split) -> Plan:
    """Plan as the router does."""
    outcomes = learn_outcomes(split.learning, split.features.where(~split.judged)).outcomes
    texts = split.records.where(split.judged).texts
    return Plan(outcomes.frontier, expected_of(outcomes, texts, split.features.where(split.judged)))


def nearest(split: Split) -> Plan:
    """Plan by the mean of the nearest rows: as many as foretell rows left out best."""
    learning, vectors = split.learning, split.features.vectors
    folds = folds_of(learning.texts)

    def left_out(count: int) -> Expected:
        known = vectors[~split.judged]
        return by_neighbours(known, learning.scores, learning.tokens, folds, count)

    def error(count: int) -> float:
        gains = np.diff(left_out(count).scores - learning.scores, axis=1)
        return float(np.square(gains).mean())

    best = min(NEIGHBOURS, key=error)
    records = split.records
    found = by_neighbours(
        vectors, records.scores, records.tokens, split.judged.astype(np.intp), best
    )
    return _plan(split, left_out(best), found)


def known_category(split: Split) -> Plan:
    """Plan by the means of each prompt's true category."""
    learning, records = split.learning, split.records
    folds = folds_of(learning.texts)
    left_out = by_category(learning.categories, learning.scores, learning.tokens, folds)
    two_parts = split.judged.astype(np.intp)
    found = by_category(records.categories, records.scores, records.tokens, two_parts)
    return _plan(split, left_out, found)


def chance(split: Split) -> Plan:
    """Plan without a look at prompts."""
    rows = np.zeros_like(split.judging.scores)
    return Plan(lots_frontier(seen(split.learning)), Expected(rows, rows))


def oracle(split: Split) -> Plan:
    """Plan with the answers of the judged rows in hand."""
    truth = Expected(split.judging.scores, split.judging.tokens)
    return Plan(learned_frontier(split.judging, truth)[0], truth)


WAYS: Final[Mapping[str, Callable[[Split], Plan]]] = {
    "router": router,
    "nearest neighbours": nearest,
    "true category known": known_category,
    "matched random": chance,
    "oracle": oracle,
}


def category_switch(split: Split) -> NDArray[np.intp]:
    """Return the arm of each judged row: on where its category gained on the learning rows."""
    gains = np.diff(split.learning.scores[:, [0, -1]], axis=1)[:, 0]
    own = np.array(split.learning.categories)
    on = {name for name in set(own.tolist()) if gains[own == name].mean() > 0}
    judged = split.records.where(split.judged)
    return np.array([judged.scores.shape[1] - 1 if name in on else 0 for name in judged.categories])


def seen(records: Records) -> Observed:
    """Return what the arms made of records."""
    return Observed(records.scores, records.tokens)


def _plan(split: Split, left_out: Expected, found: Expected) -> Plan:
    frontier, _ = learned_frontier(seen(split.learning), Expected(left_out.scores, left_out.tokens))
    judged = split.judged
    return Plan(frontier, Expected(found.scores[judged], found.tokens[judged]))
