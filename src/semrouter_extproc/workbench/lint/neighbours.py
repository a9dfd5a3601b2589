"""Which vectors lie close to each other, a block of rows at a time."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.workbench.lint.judged import Judged

_BLOCK: Final = 512
_NEAREST: Final = 10

Pairs = NDArray[np.intp]
"""`[P, 2]`: the rows of each pair, the first one before the second."""


def pairs_above(vectors: NDArray[np.float32], cosine: float) -> Pairs:
    """Return the pairs of unit `vectors`, `[N, D]`, whose cosine exceeds `cosine`.

    Time grows with the square of N, memory does not.
    """
    return np.concatenate([np.empty((0, 2), np.intp), *_pairs(vectors, cosine)])


def groups(pairs: Pairs) -> Iterable[list[int]]:
    """Return the rows that pairs connect, over any number of steps; rows ascend."""
    parents: dict[int, int] = {}

    def root(row: int) -> int:
        while (parent := parents.setdefault(row, row)) != row:
            # Halves the way for whoever comes next.
            parents[row] = row = parents[parent]
        return row

    for one, other in pairs.tolist():
        low, high = sorted((root(one), root(other)))
        parents[high] = low
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row in sorted(parents):
        members[root(row)].append(row)
    return members.values()


def neighbour_shares(judged: Judged, asked: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the categories of the ten nearest rows of each row in `asked`, `[A, C]`, as shares."""
    count = min(_NEAREST, len(judged.truth) - 1)
    shares = np.zeros((len(asked), len(judged.labels)))
    for start in range(0, len(asked), _BLOCK):
        block = asked[start : start + _BLOCK]
        cosines = judged.vectors[block] @ judged.vectors.T
        cosines[np.arange(len(block)), block] = -np.inf
        nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        places = np.arange(start, start + len(block))[:, None]
        np.add.at(shares, (places, judged.truth[nearest]), 1 / count)
    return shares


def _pairs(vectors: NDArray[np.float32], cosine: float) -> Iterator[Pairs]:
    for start in range(0, len(vectors), _BLOCK):
        close = vectors[start : start + _BLOCK] @ vectors[start:].T > cosine
        found = np.argwhere(np.triu(close, k=1))
        yield found + start
