"""What is learned from: prompts by their vectors and by their n-grams."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array, vstack  # type: ignore[import-untyped]
from scipy.sparse.linalg import norm  # type: ignore[import-untyped]

from semrouter_extproc.core.ngrams import BUCKETS, buckets_of
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.encoding.offline import encode_texts
from semrouter_extproc.workbench.progress import Progress

Vectors = NDArray[np.float32]
Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Prompts, as a predictor sees them.

    `vectors` is `[N, D]` with unit rows; `ngrams` is sparse, `[N, BUCKETS]`, 1 where a text has
    an n-gram.
    """

    vectors: Vectors
    ngrams: csr_array

    def __len__(self) -> int:
        return len(self.vectors)

    def where(self, chosen: Mask | Indices) -> "Features":
        """Return the chosen prompts."""
        return Features(self.vectors[chosen], self.ngrams[chosen])

    def followed_by(self, others: "Features") -> "Features":
        """Return these prompts and then `others`."""
        return Features(
            np.concatenate([self.vectors, others.vectors]),
            vstack([self.ngrams, others.ngrams], format="csr"),
        )


def features_of(texts: Sequence[str], encoder: AnyEncoder, progress: Progress) -> Features:
    """Encode `texts` and count their n-grams."""
    return Features(encoded(texts, encoder, progress), counted_ngrams(texts))


def encoded(texts: Sequence[str], encoder: AnyEncoder, progress: Progress) -> Vectors:
    """Return the unit vectors of `texts`, `[N, D]`."""
    done = 0

    def on_batch(size: int) -> None:
        nonlocal done
        done += size
        progress.detail(f"{done:,} of {len(texts):,}")

    return encode_texts(encoder, texts, on_batch=on_batch)


def counted_ngrams(texts: Sequence[str]) -> csr_array:
    """Return which n-grams each text has: sparse, `[N, BUCKETS]`."""
    buckets = [buckets_of(text) for text in texts]
    ends = np.cumsum([0, *map(len, buckets)])
    ones = np.ones(ends[-1], np.float32)
    # A first array, so that there is one where there are no texts.
    found = np.concatenate([np.empty(0, np.int32), *buckets])
    return csr_array((ones, found, ends), shape=(len(buckets), BUCKETS))


def rarity_of(ngrams: csr_array) -> NDArray[np.float32]:
    """Return how much each n-gram counts, `[BUCKETS]`: the less, the more texts have it."""
    seen = np.bincount(ngrams.indices, minlength=BUCKETS)
    rarity: NDArray[np.float32] = (np.log((1 + ngrams.shape[0]) / (1 + seen)) + 1).astype(
        np.float32
    )
    return rarity


def weighed(ngrams: csr_array, rarity: NDArray[np.float32]) -> csr_array:
    """Weigh n-grams by their rarity and bring every row to length 1."""
    scaled = ngrams @ diags_array(rarity)
    lengths = norm(scaled, axis=1)
    return diags_array((1 / np.where(lengths > 0, lengths, 1)).astype(np.float32)) @ scaled
