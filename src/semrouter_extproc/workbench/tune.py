"""From paired records to an artefact that knows when to reason, and what that changes."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.artefact import load, require_encoder, resolve
from semrouter_extproc.artefact.outcomes import (
    ArmMeans,
    Gain,
    OutcomesMeta,
    Point,
    Tuned,
    load_outcomes,
    points_of,
    save_outcomes,
)
from semrouter_extproc.core.frontier import Aim, Frontier
from semrouter_extproc.core.outcomes import SHARPNESS, Expected, Outcomes
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.errors import ArtefactError, ConfigError
from semrouter_extproc.workbench.evaluation.leakage import record_of
from semrouter_extproc.workbench.features import Features, features_of
from semrouter_extproc.workbench.outcomes_fit import FOLDS, Learned, expected_of, learn_outcomes
from semrouter_extproc.workbench.progress import Progress, Silent
from semrouter_extproc.workbench.records import Records, read_records
from semrouter_extproc.workbench.rows import MOST_TAUGHT

FEWEST_ROWS: Final = 4 * FOLDS
USUAL_TOKEN_SHARES: Final = (0.55,)


class CategoryChange(msgspec.Struct, frozen=True, kw_only=True):
    """The share of a category's records that the dearest arm answers, `before` None at first."""

    category: str
    rows: int
    before: float | None
    after: float


class OperatingPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a token share comes to: shares, and the score expected with its 95 % interval.

    `matched` is what arms drawn by lot reach for as many tokens.
    """

    token_share: float
    spent: float
    reasoned: float
    score: float
    low: float
    high: float
    matched: float
    changes: tuple[CategoryChange, ...]


class TuneReport(msgspec.Struct, frozen=True, kw_only=True):
    """What tuning did, for people and for JSON.

    `rows` were learned from, of `given` in the files. `gain` is the mean score above lots over
    the whole frontier. `by_lot` says that it is none to rely on, and that arms will be drawn by
    lot.
    """

    folder: str
    encoder: str
    rows: int
    given: int
    arms: tuple[ArmMeans, ...]
    gain: Gain
    by_lot: bool
    ridges: tuple[float, float]
    frontier: tuple[Point, ...]
    points: tuple[OperatingPoint, ...]


def tune_files(
    centroids: str,
    files: Sequence[Path],
    out: Path,
    encoder: AnyEncoder,
    *,
    token_shares: Sequence[float] = USUAL_TOKEN_SHARES,
    progress: Progress | None = None,
) -> TuneReport:
    """Learn when to reason, and write it to `out` with a copy of the artefact `centroids`.

    Of more than `MOST_TAUGHT` records, as many are drawn and learned from.

    Raises ConfigError for records that cannot be used, and ArtefactError for an artefact of
    another encoder or a folder that cannot be written.
    """
    progress = progress or Silent()
    source = resolve(centroids)
    require_encoder(load(source), encoder.fingerprint, encoder.dimensions)
    known = load_outcomes(source)
    given = _enough(read_records(files))
    records = given.sample(MOST_TAUGHT)
    progress.step(f"Encoding {len(records.ids):,} prompts")
    features = features_of(records.texts, encoder, progress)
    progress.step(f"Learning what {' and '.join(records.arms)} make of them")
    learned = learn_outcomes(records, features)
    before = None if known is None else _before(known.outcomes, records, features)
    after = _Policy(learned.outcomes, learned.left_out)
    _copy(source, out)
    tuned = tuned_by(learned, records, encoder.fingerprint)
    save_outcomes(out, tuned)
    return TuneReport(
        folder=str(out),
        encoder=encoder.fingerprint,
        rows=len(records.ids),
        given=len(given.ids),
        arms=tuned.meta.arms,
        gain=learned.gain,
        by_lot=tuned.meta.by_lot,
        ridges=learned.ridges,
        frontier=tuned.meta.frontier,
        points=tuple(_point(share, records, before, after) for share in token_shares),
    )


def tuned_by(learned: Learned, records: Records, fingerprint: str) -> Tuned:
    """Return what `records` taught with the encoder of that fingerprint, ready to be written."""
    meta = _meta_of(learned, records, fingerprint)
    return Tuned(learned.outcomes, meta, record_of(records.texts))


def _meta_of(learned: Learned, records: Records, fingerprint: str) -> OutcomesMeta:
    frontier = learned.outcomes.frontier
    means = zip(records.arms, frontier.arm_scores, frontier.arm_tokens, strict=True)
    return OutcomesMeta(
        encoder=fingerprint,
        sources=records.sources,
        arms=tuple(ArmMeans(name, float(score), float(tokens)) for name, score, tokens in means),
        gain=learned.gain,
        by_lot=frontier.by_lot,
        sharpness=SHARPNESS,
        ridges=learned.ridges,
        frontier=points_of(frontier),
    )


class _Policy:
    """Outcomes, and what they expect of each record without having learned from it."""

    def __init__(self, outcomes: Outcomes, expected: Expected) -> None:
        self.frontier: Frontier = outcomes.frontier
        self._expected = expected

    def dearest(self, token_share: float) -> NDArray[np.float64]:
        """Return the share of each record that goes to the dearest arm, `[N]`."""
        setting = self.frontier.compiled(Aim.TOKEN_SHARE, token_share)
        if setting.lots is not None:
            return np.full(len(self._expected.scores), setting.lots[-1])
        dearest = self._expected.scores.shape[1] - 1
        shares: NDArray[np.float64] = np.equal(self._expected.worth(setting.price), dearest)
        return shares.astype(np.float64)


def _before(outcomes: Outcomes, records: Records, features: Features) -> _Policy | None:
    """Return the policy so far, None where it is about other arms."""
    if outcomes.arms != records.arms:
        return None
    return _Policy(outcomes, expected_of(outcomes, records.texts, features))


def _enough(records: Records) -> Records:
    if len(records.ids) < FEWEST_ROWS:
        raise ConfigError(
            "records", [f"{len(records.ids)} rows, at least {FEWEST_ROWS} are needed"]
        )
    return records


def _point(
    share: float, records: Records, before: _Policy | None, after: _Policy
) -> OperatingPoint:
    frontier = after.frontier
    setting = frontier.compiled(Aim.TOKEN_SHARE, share)

    def read(column: NDArray[np.float64]) -> float:
        return round(frontier.read(column, setting.position), 4)

    return OperatingPoint(
        token_share=share,
        spent=read(frontier.token_shares),
        reasoned=read(frontier.arm_shares[:, -1]),
        score=read(frontier.scores),
        low=read(frontier.lows),
        high=read(frontier.highs),
        matched=read(frontier.matched),
        changes=tuple(
            _changes(
                records, None if before is None else before.dearest(share), after.dearest(share)
            )
        ),
    )


def _changes(
    records: Records, before: NDArray[np.float64] | None, after: NDArray[np.float64]
) -> Iterator[CategoryChange]:
    own = np.array(records.categories)
    for category in sorted(set(records.categories)):
        rows = own == category
        yield CategoryChange(
            category=category,
            rows=int(rows.sum()),
            before=None if before is None else round(float(before[rows].mean()), 4),
            after=round(float(after[rows].mean()), 4),
        )


def _copy(source: Path, out: Path) -> None:
    if source.resolve() == out.resolve():
        return
    try:
        shutil.copytree(source, out, dirs_exist_ok=True)
    except (OSError, shutil.Error) as error:
        raise ArtefactError(f"{out}: cannot be written: {error}") from error
