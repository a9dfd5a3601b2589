"""Writing and reading what was learned from paired records.

It lies beside the centroids: `outcomes.json`, made to be reviewed line by line, and
`outcomes.safetensors`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from semrouter_extproc.artefact.meta import Source, require_format
from semrouter_extproc.core.frontier import Frontier
from semrouter_extproc.core.kernel import KernelModel
from semrouter_extproc.core.ngrams import NgramModel
from semrouter_extproc.core.outcomes import Outcomes
from semrouter_extproc.errors import ArtefactError

OUTCOMES: Final = "outcomes.json"
OUTCOMES_TENSORS: Final = "outcomes.safetensors"

_DIGITS: Final = 9
_AGAIN: Final = "run `semrouter tune` again, or restore the folder"

FORMAT: Final = 1


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A point of `core.frontier.Frontier`; `arms` has the share of each arm."""

    price: float
    arms: tuple[float, ...]
    token_share: float
    score: float
    low: float
    high: float
    matched: float


class ArmMeans(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An arm: its mean score, 0 to 1, and its mean tokens."""

    name: str
    score: float
    tokens: float


class Gain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The mean score above lots over the whole frontier, and its 95 % interval."""

    mean: float
    low: float
    high: float


class OutcomesMeta(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything about learned outcomes that is no array.

    `encoder` is the fingerprint of the encoder that read the records' texts. `ridges` are those
    of scores and of tokens.
    """

    format: int = FORMAT
    encoder: str
    sources: tuple[Source, ...]
    arms: tuple[ArmMeans, ...]
    gain: Gain
    by_lot: bool
    sharpness: float
    ridges: tuple[float, float]
    frontier: tuple[Point, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Tuned:
    """What records taught, and what is known about it.

    `seen` holds a hash of each text that was learned from, so that nobody judges by them.
    """

    outcomes: Outcomes
    meta: OutcomesMeta
    seen: NDArray[np.uint64]


def save_outcomes(folder: Path, tuned: Tuned) -> None:
    """Write the files beside those of the centroids. Raises ArtefactError."""
    document = msgspec.json.format(msgspec.json.encode(tuned.meta), indent=2)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(_tensors(tuned), folder / OUTCOMES_TENSORS)
        (folder / OUTCOMES).write_bytes(document + b"\n")
    except OSError as error:
        raise ArtefactError(f"{folder}: cannot be written: {error.strerror}") from error


def load_outcomes(folder: Path) -> Tuned | None:
    """Read what `save_outcomes` wrote, None where nothing was. Raises ArtefactError."""
    path = folder / OUTCOMES
    if not path.is_file():
        return None
    try:
        document = path.read_bytes()
        require_format(document, FORMAT)
        meta = msgspec.json.decode(document, type=OutcomesMeta)
        tensors = load_file(folder / OUTCOMES_TENSORS)
        model = None if meta.by_lot else _model(tensors, meta)
        outcomes = Outcomes(tuple(arm.name for arm in meta.arms), model, frontier_of(meta))
        seen = tensors["seen"].astype(np.uint64)
    except (msgspec.MsgspecError, UnicodeDecodeError, SafetensorError, KeyError) as error:
        raise ArtefactError(f"{path}: damaged: {error}; {_AGAIN}") from error
    except OSError as error:
        raise ArtefactError(f"{path}: {error.strerror or error}; {_AGAIN}") from error
    except ArtefactError as error:
        raise ArtefactError(f"{path}: {error}; {_AGAIN}") from error
    return Tuned(outcomes, meta, seen)


def points_of(frontier: Frontier) -> tuple[Point, ...]:
    """Return the points as `outcomes.json` has them."""
    return tuple(
        Point(
            price=round(float(frontier.prices[at]), _DIGITS),
            arms=tuple(frontier.arm_shares[at].round(_DIGITS).tolist()),
            token_share=round(float(frontier.token_shares[at]), _DIGITS),
            score=round(float(frontier.scores[at]), _DIGITS),
            low=round(float(frontier.lows[at]), _DIGITS),
            high=round(float(frontier.highs[at]), _DIGITS),
            matched=round(float(frontier.matched[at]), _DIGITS),
        )
        for at in range(len(frontier.prices))
    )


def frontier_of(meta: OutcomesMeta) -> Frontier:
    """Return the frontier that `meta` holds. Raises ArtefactError."""
    points = meta.frontier
    if len({len(point.arms) for point in points}) != 1:
        raise ArtefactError("the frontier's points do not fit together")
    return Frontier(
        prices=np.array([point.price for point in points]),
        arm_shares=np.array([point.arms for point in points]),
        token_shares=np.array([point.token_share for point in points]),
        scores=np.array([point.score for point in points]),
        lows=np.array([point.low for point in points]),
        highs=np.array([point.high for point in points]),
        matched=np.array([point.matched for point in points]),
        arm_scores=np.array([arm.score for arm in meta.arms]),
        arm_tokens=np.array([arm.tokens for arm in meta.arms]),
        by_lot=meta.by_lot,
    )


def _tensors(tuned: Tuned) -> dict[str, NDArray[Any]]:
    model = tuned.outcomes.model
    if model is None:
        return {"seen": tuned.seen}
    return {
        "seen": tuned.seen,
        "landmarks": model.landmarks,
        "weights": np.ascontiguousarray(model.weights),
        "offset": model.offset,
        "rarity": model.ngrams.rarity,
        "ngram_weights": model.ngrams.weights,
    }


def _model(tensors: dict[str, NDArray[Any]], meta: OutcomesMeta) -> KernelModel:
    return KernelModel(
        landmarks=tensors["landmarks"],
        weights=tensors["weights"],
        offset=tensors["offset"],
        ngrams=NgramModel(tensors["rarity"], tensors["ngram_weights"]),
        sharpness=meta.sharpness,
    )
