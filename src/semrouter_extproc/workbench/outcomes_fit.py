"""Learning what each arm makes of a prompt, held back where the data is thin.

Scores are noise for the most part: a prompt was answered once, right or wrong. So the ridge
that draws predictions to the mean is chosen by how well the differences between arms are
foretold on rows left out, and where those foretold differences do not pay, nothing is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.artefact.outcomes import Gain
from semrouter_extproc.core.kernel import KernelModel
from semrouter_extproc.core.ngrams import NgramModel
from semrouter_extproc.core.outcomes import SHARPNESS, Expected, Outcomes, with_lengths
from semrouter_extproc.workbench.features import Features, Indices
from semrouter_extproc.workbench.kernel_ridge import LeftOut, Settings, learn, predicted
from semrouter_extproc.workbench.records import Records
from semrouter_extproc.workbench.tradeoff import Observed, learned_frontier, lots_frontier

FOLDS: Final = 5
RIDGES: Final = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)

MOST_LANDMARKS: Final = 2048
"""How many records stand for all of them at most.

More foretell no better, scores being noise for the most part, and take longer to ask.
"""

_NGRAM_SHARE: Final = 0.4
_SEED: Final = 0


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What was learned, and how it was judged.

    `left_out` is what other folds expected of each row, `[N, A]`, whether or not it was found
    good enough to keep. `gain` is what it reaches above lots. `ridges` are those of scores and
    of tokens.
    """

    outcomes: Outcomes
    left_out: Expected
    gain: Gain
    ridges: tuple[float, float]


def learn_outcomes(records: Records, features: Features) -> Learned:
    """Learn from paired records; `features` are those of their texts.

    Arms are left to lots unless the 95 % interval of the gain above them lies above 0.
    """
    placed = _placed(records.texts, features)
    folds = folds_of(records.texts)
    expected, ridges = _foretold(
        LeftOut(placed, folds, sharpness=SHARPNESS, ngram_share=_NGRAM_SHARE), records
    )
    seen = Observed(records.scores, records.tokens)
    frontier, gain = learned_frontier(seen, expected)
    if gain.low > 0:
        outcomes = Outcomes(records.arms, _model(records, placed, ridges), frontier)
    else:
        outcomes = Outcomes(records.arms, None, lots_frontier(seen))
    return Learned(outcomes, expected, gain, ridges)


def expected_of(outcomes: Outcomes, texts: Sequence[str], features: Features) -> Expected:
    """Return what is expected of each arm for many prompts, `[N, A]`."""
    if outcomes.model is None:
        rows = np.ones((len(texts), 1))
        return Expected(rows * outcomes.frontier.arm_scores, rows * outcomes.frontier.arm_tokens)
    return Expected(*np.split(predicted(_placed(texts, features), outcomes.model), 2, axis=1))


def folds_of(texts: Sequence[str]) -> Indices:
    """Deal texts, shuffled, to the folds in turn: the same text always to the same one."""
    distinct, owners = np.unique(np.array(texts, object), return_inverse=True)
    dealt = np.random.default_rng(_SEED).permutation(len(distinct)) % FOLDS
    folds: Indices = dealt[owners]
    return folds


Numbers = NDArray[np.float64]


def _placed(texts: Sequence[str], features: Features) -> Features:
    lengths = np.array([len(text) for text in texts])
    return Features(with_lengths(features.vectors, lengths), features.ngrams)


def _foretold(left_out: LeftOut, records: Records) -> tuple[Expected, tuple[float, float]]:
    """Return what other folds expect of each row, and the ridges that foretell it best."""
    both = np.hstack([records.scores, records.tokens])
    tried = [(np.split(left_out.predicted(both, ridge), 2, axis=1), ridge) for ridge in RIDGES]

    def contrast_error(scores: Numbers) -> float:
        # A choice between arms hangs on their differences alone.
        errors = scores - records.scores
        return float(np.square(errors - errors.mean(axis=1, keepdims=True)).mean())

    def token_error(tokens: Numbers) -> float:
        return float(np.square(tokens - records.tokens).mean())

    scores, score_ridge = min(
        ((scores, ridge) for (scores, _), ridge in tried), key=lambda one: contrast_error(one[0])
    )
    tokens, token_ridge = min(
        ((tokens, ridge) for (_, tokens), ridge in tried), key=lambda one: token_error(one[0])
    )
    return Expected(scores, tokens), (score_ridge, token_ridge)


def _model(records: Records, placed: Features, ridges: tuple[float, float]) -> KernelModel:
    chosen = np.random.default_rng(_SEED).permutation(len(placed))[:MOST_LANDMARKS]
    scores, tokens = (
        learn(placed, targets, Settings(SHARPNESS, _NGRAM_SHARE, ridge), np.sort(chosen))
        for targets, ridge in zip((records.scores, records.tokens), ridges, strict=True)
    )
    return KernelModel(
        landmarks=scores.landmarks,
        weights=np.hstack([scores.weights, tokens.weights]),
        offset=np.concatenate([scores.offset, tokens.offset]),
        ngrams=NgramModel(
            scores.ngrams.rarity, np.hstack([scores.ngrams.weights, tokens.ngrams.weights])
        ),
        sharpness=SHARPNESS,
    )
