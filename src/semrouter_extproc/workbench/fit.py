"""From labelled prompts to an artefact: encode, choose by cross-validation, learn, judge."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.artefact import Artefact, Judgement, Meta, Provenance, StaticMeta, save
from semrouter_extproc.core.centroids import FEWEST_CATEGORIES, Centroids
from semrouter_extproc.core.classify import probabilities_of, support_of
from semrouter_extproc.core.probes import PROBES
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.encoding.offline import encode_texts
from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.choose import Choice, choose
from semrouter_extproc.workbench.evaluation.classification import report_classification
from semrouter_extproc.workbench.evaluation.leakage import record_of
from semrouter_extproc.workbench.evaluation.paper import SWITCH
from semrouter_extproc.workbench.evaluation.results import ClassificationReport
from semrouter_extproc.workbench.examples import Example, ExampleFile, read_examples
from semrouter_extproc.workbench.features import Features, Indices
from semrouter_extproc.workbench.folds import FOLDS, stratified_sample
from semrouter_extproc.workbench.kernel_ridge import Settings, learn, predicted
from semrouter_extproc.workbench.lint import Judged, Lint, Material, lint
from semrouter_extproc.workbench.lint.texts import cut_by
from semrouter_extproc.workbench.progress import Progress, Silent
from semrouter_extproc.workbench.provenance import Background, provenance_of
from semrouter_extproc.workbench.rows import MOST_TAUGHT, Lessons, Rows, labelled, lessons_of
from semrouter_extproc.workbench.scores import judge
from semrouter_extproc.workbench.static import StaticTier, Taught, fit_static

MINIMUM_ROWS: Final = FOLDS

MOST_LANDMARKS: Final = 6144
"""How many examples stand for all of them at most.

The product of a vector with as many takes 0.6 ms of a core for 384 dimensions.
"""


@dataclass(frozen=True, slots=True)
class FitReport:
    """What a fit did, for people and for JSON.

    `rows` were learned from, of `given` in the files. `cross_validation` is scored on rows left
    out in turn; `held_out` is None unless rows were held out. `static` is None where the rows
    were too few for it.
    """

    folder: str
    encoder: str
    rows: int
    given: int
    landmarks: int
    settings: Settings
    temperature: float
    cross_validation: ClassificationReport
    held_out: Judgement | None
    static: StaticMeta | None
    lint: Lint


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """An artefact, how its settings did on rows left out, and what is wrong with the rows."""

    artefact: Artefact
    choice: Choice
    cross_validation: ClassificationReport
    lint: Lint


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
        given=sum(source.rows for source in provenance.sources),
        landmarks=len(meta.landmarks),
        settings=done.choice.settings,
        temperature=meta.temperature,
        cross_validation=done.cross_validation,
        held_out=provenance.held_out,
        static=meta.static,
        lint=done.lint,
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
    settings are judged on it, and the centroids are then learned again from all rows. Of more
    than `MOST_TAUGHT` rows, as many are drawn and the others left out.

    Raises ConfigError for fewer than two categories, or one with fewer than five rows.
    """
    progress = progress or Silent()
    examples = _drawn([example for file in files for example in file.examples])
    judged = np.array([held_out and is_held_out(example.id) for example in examples], bool)
    rows = labelled(examples, _labels(examples, judged), encoder, progress)
    lessons = lessons_of(rows, [example.text for example in examples], encoder, progress)
    seen = lessons.where(~judged)
    known = [example for example, kept in zip(examples, ~judged, strict=True) if kept]
    progress.step(f"Choosing settings by {FOLDS}-fold cross-validation")
    choice = choose(seen, progress)
    taught = np.empty((len(examples), len(rows.labels)))
    taught[~judged] = choice.probabilities
    judgement = None
    if judged.any():
        progress.step(f"Judging on {judged.sum():,} held-out prompts")
        taught[judged] = classified(rows.features.where(judged), learn_centroids(seen, choice))
        judgement = judge(taught[judged], rows.truth[judged])
    progress.step("Learning what needs no encoder")
    static = fit_static(
        Taught(rows.features.ngrams, rows.truth, taught), judged, rows.labels, progress
    )
    progress.step(f"Learning from {len(examples):,} prompts")
    centroids = learn_centroids(lessons, choice)
    landmarks = tuple(examples[row].id for row in _landmarks(rows))
    provenance = provenance_of(
        files,
        examples,
        background or Background(),
        encoder=encoder.fingerprint,
        cross_validation=judge(choice.probabilities, seen.rows.truth),
        held_out=judgement,
    )
    return Fit(
        artefact=Artefact(
            centroids=centroids,
            probes=encode_texts(encoder, PROBES),
            seen=record_of(example.text for example in examples),
            meta=_meta(centroids, encoder, landmarks, provenance, static),
            static=static.model if static else None,
        ),
        choice=choice,
        cross_validation=report_classification(known, choice.probabilities, rows.labels, SWITCH),
        lint=_linted(known, seen.rows, choice, encoder),
    )


def is_held_out(example_id: str) -> bool:
    """Say whether a row is kept for judging: a fifth of all, by the hash of its id."""
    return int(sha256(example_id.encode()).hexdigest(), 16) % 10 in (3, 4)


def learn_centroids(lessons: Lessons, choice: Choice) -> Centroids:
    """Learn from all of `lessons`, as was chosen."""
    rows = lessons.rows
    landmarks = _landmarks(rows)
    targets = lessons.spread(rows.targets)
    return Centroids(
        labels=rows.labels,
        model=learn(lessons.features, targets, choice.settings, landmarks),
        owners=rows.truth[landmarks],
        temperature=choice.temperature,
        scope=choice.scope,
    )


def classified(features: Features, centroids: Centroids) -> NDArray[np.float64]:
    """Return the probability of each category for each prompt, `[N, C]`."""
    support = support_of(predicted(features, centroids.model))
    return probabilities_of(support, centroids.temperature)


def _drawn(examples: Sequence[Example]) -> Sequence[Example]:
    if not examples:
        return examples
    _, truth = np.unique([example.category for example in examples], return_inverse=True)
    return [examples[row] for row in stratified_sample(truth, MOST_TAUGHT)]


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


def _linted(examples: Sequence[Example], rows: Rows, choice: Choice, encoder: AnyEncoder) -> Lint:
    vectors = rows.features.vectors
    judged = Judged(examples, rows.labels, rows.truth, vectors, choice.probabilities)
    cut = cut_by(encoder, [example.text for example in examples])
    return lint(Material(examples, vectors, cut, judged))


def _landmarks(rows: Rows) -> Indices:
    return stratified_sample(rows.truth, MOST_LANDMARKS)


def _meta(
    centroids: Centroids,
    encoder: AnyEncoder,
    landmarks: tuple[str, ...],
    provenance: Provenance,
    static: StaticTier | None,
) -> Meta:
    return Meta(
        labels=centroids.labels,
        encoder=encoder.fingerprint,
        dimensions=centroids.dimensions,
        sharpness=centroids.model.sharpness,
        temperature=centroids.temperature,
        landmarks=landmarks,
        provenance=provenance,
        static=static.meta if static else None,
    )
