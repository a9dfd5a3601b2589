"""From labelled prompts to an artefact: encode, choose by cross-validation, learn, judge."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.artefact import Artefact, Judgement, Meta, Provenance, StaticMeta, save
from semrouter_extproc.core.centroids import FEWEST_CATEGORIES, Centroids
from semrouter_extproc.core.classify import category_support, probabilities_of
from semrouter_extproc.core.probes import PROBES
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.encoding.offline import encode_texts
from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.choose import FOLDS, Choice, choose
from semrouter_extproc.workbench.examples import Example, ExampleFile, read_examples
from semrouter_extproc.workbench.progress import Progress, Silent
from semrouter_extproc.workbench.prototypes import Rows, Settings, Vectors, learn, medoids
from semrouter_extproc.workbench.provenance import Background, provenance_of
from semrouter_extproc.workbench.scores import CategoryScore, judge, per_category
from semrouter_extproc.workbench.static import StaticTier, fit_static, lessons

MINIMUM_ROWS: Final = FOLDS


@dataclass(frozen=True, slots=True)
class FitReport:
    """What a fit did, for people and for JSON.

    `categories` and `cross_validation` are scored on rows left out in turn; `held_out` is
    None unless rows were held out. `static` is None where the rows were too few for it.
    """

    folder: str
    encoder: str
    rows: int
    settings: Settings
    temperature: float
    cross_validation: Judgement
    held_out: Judgement | None
    categories: tuple[CategoryScore, ...]
    static: StaticMeta | None


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """An artefact, and how its settings did on rows left out in cross-validation."""

    artefact: Artefact
    choice: Choice
    categories: tuple[CategoryScore, ...]


def fit_files(
    files: Sequence[Path],
    out: Path,
    encoder: AnyEncoder,
    *,
    held_out: bool = False,
    background: Background | None = None,
    progress: Progress | None = None,
) -> FitReport:
    """Fit centroids to example files and write the artefact to the folder `out`.

    Raises ConfigError for examples that cannot be used and ArtefactError for a folder that
    cannot be written.
    """
    done = fit(
        read_examples(files), encoder, held_out=held_out, background=background, progress=progress
    )
    save(out, done.artefact)
    meta, provenance = done.artefact.meta, done.artefact.meta.provenance
    return FitReport(
        folder=str(out),
        encoder=meta.encoder,
        rows=sum(provenance.categories.values()),
        settings=done.choice.settings,
        temperature=meta.temperature,
        cross_validation=provenance.cross_validation,
        held_out=provenance.held_out,
        categories=done.categories,
        static=meta.static,
    )


def fit(
    files: Sequence[ExampleFile],
    encoder: AnyEncoder,
    *,
    held_out: bool = False,
    background: Background | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Fit centroids to labelled prompts.

    With `held_out`, a fifth of the rows (see `is_held_out`) takes no part in choosing: the
    settings are judged on it, and the prototypes are then learned again from all rows.

    Raises ConfigError for fewer than two categories, or one with fewer than five rows.
    """
    progress = progress or Silent()
    examples = [example for file in files for example in file.examples]
    judged = np.array([held_out and is_held_out(example.id) for example in examples], bool)
    rows = _rows(examples, judged, encoder, progress)
    seen = rows.where(~judged)
    progress.step(f"Choosing settings by {FOLDS}-fold cross-validation")
    choice = choose(seen, progress)
    taught = np.empty((len(examples), len(rows.labels)))
    taught[~judged] = choice.probabilities
    judgement = None
    if judged.any():
        progress.step(f"Judging on {judged.sum():,} held-out prompts")
        taught[judged] = _placed(rows.where(judged), _learn_chosen(seen, choice))
        judgement = judge(taught[judged], rows.truth[judged])
    progress.step("Learning what needs no encoder")
    texts = (example.text for example in examples)
    static = fit_static(lessons(texts, rows.truth, taught), judged, rows.labels, progress)
    progress.step(f"Learning from {len(examples):,} prompts")
    centroids = _learn_chosen(rows, choice)
    provenance = provenance_of(
        files,
        background or Background(),
        encoder=encoder.fingerprint,
        cross_validation=judge(choice.probabilities, seen.truth),
        held_out=judgement,
    )
    nearest = [examples[row].id for row in medoids(centroids, rows)]
    return Fit(
        artefact=Artefact(
            centroids=centroids,
            probes=encode_texts(encoder, PROBES),
            meta=_meta(centroids, encoder, nearest, provenance, static),
            static=static.model if static else None,
        ),
        choice=choice,
        categories=per_category(choice.probabilities, seen.truth, rows.labels),
    )


def is_held_out(example_id: str) -> bool:
    """Say whether a row is kept for judging: a fifth of all, by the hash of its id."""
    return int(sha256(example_id.encode()).hexdigest(), 16) % 10 in (3, 4)


def encode(examples: Sequence[Example], encoder: AnyEncoder, progress: Progress) -> Vectors:
    """Return the examples' unit vectors, `[N, D]`."""
    done = 0

    def on_batch(size: int) -> None:
        nonlocal done
        done += size
        progress.detail(f"{done:,} of {len(examples):,}")

    return encode_texts(encoder, [example.text for example in examples], on_batch=on_batch)


def _rows(
    examples: Sequence[Example], judged: NDArray[np.bool_], encoder: AnyEncoder, progress: Progress
) -> Rows:
    labels = _labels(examples, judged)
    progress.step(f"Encoding {len(examples):,} prompts")
    vectors = encode(examples, encoder, progress)
    truth = np.array([labels.index(example.category) for example in examples])
    return Rows(vectors, truth, labels)


def _labels(examples: Sequence[Example], judged: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return the categories in alphabetical order, refusing what cannot be cross-validated."""
    rows = Counter({example.category: 0 for example in examples})
    rows.update(row.category for row, kept in zip(examples, ~judged, strict=True) if kept)
    faults = [
        f"category {name!r} has {count} rows to learn from, at least {MINIMUM_ROWS} are needed"
        for name, count in sorted(rows.items())
        if count < MINIMUM_ROWS
    ]
    if len(rows) < FEWEST_CATEGORIES:
        faults.append(f"{len(rows)} categories, at least {FEWEST_CATEGORIES} are needed")
    if faults:
        raise ConfigError("examples", faults)
    return tuple(sorted(rows))


def _learn_chosen(rows: Rows, choice: Choice) -> Centroids:
    return replace(learn(rows, choice.settings), temperature=choice.temperature)


def _placed(rows: Rows, centroids: Centroids) -> NDArray[np.float64]:
    support = category_support(rows.vectors @ centroids.prototypes.T, centroids)
    return probabilities_of(support, centroids.temperature)


def _meta(
    centroids: Centroids,
    encoder: AnyEncoder,
    nearest: Sequence[str],
    provenance: Provenance,
    static: StaticTier | None,
) -> Meta:
    return Meta(
        labels=centroids.labels,
        encoder=encoder.fingerprint,
        dimensions=centroids.dimensions,
        sharpness=centroids.sharpness,
        temperature=centroids.temperature,
        medoids=tuple(nearest),
        provenance=provenance,
        static=static.meta if static else None,
    )
