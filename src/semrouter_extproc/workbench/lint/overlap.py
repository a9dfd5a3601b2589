"""Categories that are taken for each other."""

from collections.abc import Iterator
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.workbench.lint.findings import Finding, Kind, Severity
from semrouter_extproc.workbench.lint.judged import Judged

_OFTEN: Final = 0.05
_VERY_OFTEN: Final = 0.3
_FEWEST_CONFUSED: Final = 3


def overlaps(judged: Judged) -> Iterator[Finding]:
    """Find pairs of categories of whose rows a twentieth or more land in the other of the two."""
    confused = _confusions(judged)
    sizes = np.bincount(judged.truth)
    cosines = _centroid_cosines(judged)
    for one, other in combinations(range(len(judged.labels)), 2):
        count = confused[one, other] + confused[other, one]
        share = count / (sizes[one] + sizes[other])
        if count >= _FEWEST_CONFUSED and share >= _OFTEN:
            ways = confused[one, other] / sizes[one], confused[other, one] / sizes[other]
            names = judged.labels[one], judged.labels[other]
            yield Finding(
                kind=Kind.OVERLAP,
                severity=Severity.ADVICE,
                advice=_advice(names, ways, float(cosines[one, other])),
                score=round(float(share), 4),
                categories=names,
            )


def _advice(names: tuple[str, str], ways: tuple[float, float], cosine: float) -> str:
    one, other = names
    remedy = (
        "merge them, or define anew what belongs where"
        if max(ways) >= _VERY_OFTEN
        else "where they are routed differently, add examples that tell them apart"
    )
    return (
        f"{ways[0]:.0%} of {one!r} are taken for {other!r} and {ways[1]:.0%} the other way round "
        f"(cosine of their centroids {cosine:.2f}): {remedy}."
    )


def _confusions(judged: Judged) -> NDArray[np.intp]:
    """Return how many rows of each category, down, are taken for each, across: `[C, C]`."""
    count = len(judged.labels)
    cells = judged.truth * count + judged.probabilities.argmax(axis=1)
    return np.bincount(cells, minlength=count * count).reshape(count, count)


def _centroid_cosines(judged: Judged) -> NDArray[np.float64]:
    sums = np.zeros((len(judged.labels), judged.vectors.shape[1]))
    np.add.at(sums, judged.truth, judged.vectors)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    unit = sums / np.maximum(lengths, np.finfo(float).tiny)
    cosines: NDArray[np.float64] = unit @ unit.T
    return cosines
