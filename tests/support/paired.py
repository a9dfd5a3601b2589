"""Paired records about two kinds of prompts, of which one may gain from reasoning."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.workbench.features import Features, counted_ngrams
from semrouter_extproc.workbench.records import Records

PUZZLE, GREETING = "puzzle", "greeting"


def paired(rows: int, *, gain: float, seed: int = 0) -> Records:
    """Return `rows` records, half of each kind: puzzles gain `gain` by reasoning, greetings lose.

    Direct answers are right half of the time and cost 10 tokens, reasoning costs 200. Where
    `gain` is 0, nothing is gained or lost by anyone.
    """
    rng = np.random.default_rng(seed)
    puzzles = np.arange(rows) % 2 == 0
    chances = np.column_stack([np.full(rows, 0.5), 0.5 + np.where(puzzles, gain, -gain / 4)])
    kinds = tuple(PUZZLE if puzzle else GREETING for puzzle in puzzles)
    return Records(
        arms=("direct", "reasoning"),
        ids=tuple(f"row/{number}" for number in range(rows)),
        texts=tuple(f"{kind} of number {number:05}" for number, kind in enumerate(kinds)),
        categories=kinds,
        scores=(rng.random((rows, 2)) < chances).astype(np.float64),
        tokens=np.tile([10.0, 200.0], (rows, 1)),
        unparsed=np.zeros((rows, 2), bool),
        truncated=np.zeros((rows, 2), bool),
    )


class KindEncoder:
    """Puzzles point one way, greetings the other, each a little its own."""

    fingerprint = "kind@sha256:0000000000000000"
    dimensions = 8
    workers = 1
    batch_cost = 100_000

    def tokenize(self, texts: Sequence[str]) -> Sequence[str]:
        return texts

    def encode(self, batch: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.stack([self._vector(text) for text in batch])
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit.astype(np.float32)

    def _vector(self, text: str) -> NDArray[np.float64]:
        noise = np.random.default_rng(list(text.encode())).normal(size=self.dimensions)
        kind: NDArray[np.float64] = 5 * np.eye(self.dimensions)[int(text.startswith(GREETING))]
        return kind + noise


def features(records: Records) -> Features:
    """Return what a predictor sees of the records' texts."""
    return Features(KindEncoder().encode(records.texts), counted_ngrams(records.texts))
