"""Findings about texts that nearly say the same, by the cosine of their vectors."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.workbench.examples import Example
from semrouter_extproc.workbench.lint.findings import Finding, Kind, Severity, row_of
from semrouter_extproc.workbench.lint.neighbours import Pairs, groups, pairs_above
from semrouter_extproc.workbench.lint.texts import normalised

NEARLY_THE_SAME: Final = 0.95
"""Cosine."""


def near_duplicates(examples: Sequence[Example], vectors: NDArray[np.float32]) -> Iterator[Finding]:
    """Find texts that nearly say the same, apart for those of different categories.

    The very same texts are left to `texts.same_text`.
    """
    pairs = _differing(examples, pairs_above(vectors, NEARLY_THE_SAME))
    categories = np.array([example.category for example in examples], object)
    across = categories[pairs[:, 0]] != categories[pairs[:, 1]]
    for group in groups(pairs[across]):
        yield _contradiction([examples[row] for row in group])
    for group in groups(pairs[~across]):
        yield _repetition([examples[row] for row in group])


def _differing(examples: Sequence[Example], pairs: Pairs) -> Pairs:
    texts = {row: normalised(examples[row].text) for row in np.unique(pairs).tolist()}
    return pairs[[texts[one] != texts[other] for one, other in pairs.tolist()]]


def _contradiction(rows: Sequence[Example]) -> Finding:
    counts = Counter(row.category for row in rows)
    names = " and ".join(f"{name!r} ({counts[name]})" for name in sorted(counts))
    return Finding(
        kind=Kind.NEAR_CONTRADICTION,
        severity=Severity.WARNING,
        advice=f"Nearly the same text stands under {names}: see whether one label is wrong.",
        score=len(rows),
        categories=tuple(sorted(counts)),
        rows=tuple(map(row_of, rows)),
    )


def _repetition(rows: Sequence[Example]) -> Finding:
    category = rows[0].category
    return Finding(
        kind=Kind.NEAR_DUPLICATES,
        severity=Severity.ADVICE,
        advice=f"{len(rows)} texts under {category!r} nearly say the same: one of them would "
        "teach almost as much, and where some are held out the figures flatter.",
        score=len(rows),
        categories=(category,),
        rows=tuple(map(row_of, rows)),
    )
