"""Learning a kernel model: ridge regression on what vectors and n-grams say together.

How alike two prompts are is a sum of two kernels, of which each is 1 for a prompt and itself: a
Gaussian of the distance between their vectors, and the cosine of their n-grams. The second is
linear, so that all it learned folds into one weight per n-gram. The first needs the prompts
themselves: all of them, or fewer landmarks that stand for all (Nystroem's method).

Rasmussen and Williams, "Gaussian Processes for Machine Learning", chapters 2 and 8, derive both.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve  # type: ignore[import-untyped]
from scipy.sparse import csr_array  # type: ignore[import-untyped]

from semrouter_extproc.core.kernel import KernelModel
from semrouter_extproc.core.ngrams import NgramModel
from semrouter_extproc.workbench.features import Features, Indices, Vectors, rarity_of, weighed

_BLOCK: Final = 1024

_JITTER: Final = 1e-4
"""What keeps landmarks that nearly coincide apart, in single precision."""

Outputs = NDArray[np.float64]
_Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Settings:
    """How to learn.

    `sharpness` is that of `core.kernel.KernelModel`, `ngram_share` what n-grams weigh against
    vectors, from 0 to 1. `ridge` keeps predictions near the mean: the more, the noisier the
    targets are.
    """

    sharpness: float
    ngram_share: float
    ridge: float


def learn(
    features: Features, targets: Outputs, settings: Settings, landmarks: Indices
) -> KernelModel:
    """Learn to predict `targets`, `[N, K]`; `landmarks` are the rows that stand for all.

    Takes memory for `N x N` numbers of single precision, and time that grows with the cube of
    `N`. The same rows give the same model on the same machine; elsewhere it differs by rounding.
    """
    rarity, offset = rarity_of(features.ngrams), targets.mean(axis=0)
    ngrams = weighed(features.ngrams, rarity)
    chosen = features.vectors[landmarks]
    likeness = likeness_between(features.vectors, chosen, settings.sharpness)
    shares = None if len(chosen) == len(features) else _shares(likeness, landmarks)
    by_vector = likeness if shares is None else likeness @ shares
    kernel = _summed(by_vector, ngrams, settings.ngram_share)
    duals = _solved(kernel, settings.ridge, (targets - offset).astype(np.float32))
    weights = np.float32(1 - settings.ngram_share) * (duals if shares is None else shares @ duals)
    ngram_weights = np.float32(settings.ngram_share) * (ngrams.T @ duals)
    return KernelModel(
        landmarks=chosen,
        weights=np.ascontiguousarray(weights),
        offset=offset.astype(np.float32),
        ngrams=NgramModel(rarity, np.ascontiguousarray(ngram_weights)),
        sharpness=settings.sharpness,
    )


def predicted(features: Features, model: KernelModel) -> Outputs:
    """Return what `model` says of many prompts: `[N, K]`."""
    likeness = likeness_between(features.vectors, model.landmarks, model.sharpness)
    ngrams = weighed(features.ngrams, model.ngrams.rarity) @ model.ngrams.weights
    outputs: Outputs = (likeness @ model.weights + ngrams + model.offset).astype(np.float64)
    return outputs


class LeftOut:
    """Predictions for rows by all others, fold by fold: `folds` is `[N]`, each row's fold.

    Ridges and targets may vary at little cost, since the kernel stays.
    """

    def __init__(
        self, features: Features, folds: Indices, *, sharpness: float, ngram_share: float
    ) -> None:
        self._folds = folds
        ngrams = weighed(features.ngrams, rarity_of(features.ngrams))
        likeness = likeness_between(features.vectors, features.vectors, sharpness)
        self._kernel = _summed(likeness, ngrams, ngram_share)

    def predicted(self, targets: Outputs, ridge: float) -> Outputs:
        """Return what the other folds predict for each row: `[N, K]`."""
        outputs = np.empty(targets.shape)
        for fold in np.unique(self._folds):
            unseen = np.flatnonzero(self._folds == fold)
            seen = np.flatnonzero(self._folds != fold)
            offset = targets[seen].mean(axis=0)
            wanted = (targets[seen] - offset).astype(np.float32)
            duals = _solved(self._kernel[np.ix_(seen, seen)], ridge, wanted)
            outputs[unseen] = self._kernel[np.ix_(unseen, seen)] @ duals + offset
        return outputs


def likeness_between(left: Vectors, right: Vectors, sharpness: float) -> _Matrix:
    """Return how alike unit vectors are, `[N, D]` and `[M, D]` to `[N, M]`: 1 for the same."""
    cosines: _Matrix = left @ right.T
    cosines -= 1
    cosines *= np.float32(sharpness)
    return np.exp(cosines, out=cosines)


def _shares(likeness: _Matrix, landmarks: Indices) -> _Matrix:
    """Return how much of each row every landmark takes on: `[P, N]`."""
    return _solved(likeness[landmarks], _JITTER, likeness.T)


def _summed(by_vector: _Matrix, ngrams: csr_array, ngram_share: float) -> _Matrix:
    """Return the sum of both kernels, `[N, N]`, in place of `by_vector`."""
    by_vector *= np.float32(1 - ngram_share)
    # In blocks: all at once, a sparse product that is hardly sparse takes memory three times.
    for start in range(0, len(by_vector), _BLOCK):
        block = slice(start, start + _BLOCK)
        by_vector[block] += np.float32(ngram_share) * (ngrams[block] @ ngrams.T).toarray()
    return by_vector


def _solved(kernel: _Matrix, ridge: float, targets: _Matrix) -> _Matrix:
    """Solve `(kernel + ridge * identity) x = targets`; `kernel`, symmetric, is overwritten."""
    kernel[np.diag_indices_from(kernel)] += np.float32(ridge)
    # A symmetric matrix is its own transpose, which LAPACK takes without a copy.
    factor = cho_factor(kernel.T, lower=True, overwrite_a=True, check_finite=False)
    solution: _Matrix = cho_solve(factor, targets, check_finite=False)
    return solution
