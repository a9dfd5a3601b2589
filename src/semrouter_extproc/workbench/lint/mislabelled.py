"""Rows that are likely mislabelled: doubted by a model that had not seen them, and by neighbours.

As in confident learning (Northcutt, Jiang and Chuang, 2021), a row's out-of-fold probability of
its own category counts beside what the rows of that category get on average: 30 % is little for
one that is easily told, and usual for one that overlaps with others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.workbench.lint.findings import Finding, Kind, Severity, row_of
from semrouter_extproc.workbench.lint.judged import Judged
from semrouter_extproc.workbench.lint.neighbours import neighbour_shares

DOUBTFUL: Final = 0.85
"""Doubt from which a row is reported. `benchmarks/lint.py` measures what this finds."""

_MOST: Final = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Suspects:
    """Rows that a model takes for another category's, the most doubtful first.

    `rows` are their indices, `suggested` the index of the category each seems to be of, both
    `[S]`. `doubt`, 0 to 1, is how far they fall short of the usual probability of their own
    category, and of neighbours in it. `probability` is that of the suggested category,
    `neighbours` its share of the ten nearest rows.
    """

    rows: NDArray[np.intp]
    suggested: NDArray[np.intp]
    doubt: NDArray[np.float64]
    probability: NDArray[np.float64]
    neighbours: NDArray[np.float64]

    @property
    def sure(self) -> NDArray[np.bool_]:
        """Whether the model and most neighbours would bet on the suggested category, `[S]`."""
        agreed: NDArray[np.bool_] = (self.probability >= _MOST) & (self.neighbours >= _MOST)
        return agreed


def mislabelled(judged: Judged) -> Iterator[Finding]:
    """Find rows that look like another category's: warnings where model and neighbours agree."""
    found = suspects(judged)
    sure = found.sure
    for at in np.flatnonzero(found.doubt >= DOUBTFUL):
        example = judged.examples[found.rows[at]]
        better = judged.labels[found.suggested[at]]
        yield Finding(
            kind=Kind.MISLABELLED,
            severity=Severity.WARNING if sure[at] else Severity.ADVICE,
            advice=f"Is this {better!r} rather than {example.category!r}? A model that had not "
            f"seen it says so with {found.probability[at]:.0%}, as do "
            f"{found.neighbours[at]:.0%} of its nearest neighbours.",
            score=round(float(found.doubt[at]), 4),
            categories=(example.category,),
            rows=(row_of(example),),
            suggestion=better,
        )


def suspects(judged: Judged) -> Suspects:
    """Return the rows for which another category than their own is the likeliest."""
    everyone = np.arange(len(judged.truth))
    own = judged.probabilities[everyone, judged.truth]
    others = judged.probabilities.copy()
    others[everyone, judged.truth] = -np.inf
    rows = np.flatnonzero(others.max(axis=1) > own)
    given, suggested = judged.truth[rows], others[rows].argmax(axis=1)
    shares = neighbour_shares(judged, rows)
    usual = np.bincount(judged.truth, own) / np.bincount(judged.truth)
    trust = np.minimum(own[rows] / np.maximum(usual[given], np.finfo(float).tiny), 1)
    places = np.arange(len(rows))
    doubt = 1 - (trust + shares[places, given]) / 2
    order = np.lexsort((rows, -doubt))
    return Suspects(
        rows=rows[order],
        suggested=suggested[order],
        doubt=doubt[order],
        probability=others[rows, suggested][order],
        neighbours=shares[places, suggested][order],
    )
