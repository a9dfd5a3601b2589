"""The MMLU-Pro questions, and what `semrouter fit` learns from those that are not held out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.workbench.choose import Choice, choose
from semrouter_extproc.workbench.examples import Example, read_examples
from semrouter_extproc.workbench.features import Features, Vectors
from semrouter_extproc.workbench.fit import is_held_out, learn_centroids
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.rows import Lessons, Rows, labelled, lessons_of


@dataclass(frozen=True, slots=True)
class Questions:
    """Questions to learn from, and held-out ones to judge on. `digest` is of their file."""

    digest: str
    known: Sequence[Example]
    held_out: Sequence[Example]

    @property
    def labels(self) -> tuple[str, ...]:
        """The categories in alphabetical order."""
        return tuple(sorted({row.category for row in self.known}))


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """Centroids, what they were learned from, and the choice of settings."""

    lessons: Lessons
    choice: Choice
    centroids: Centroids


def questions(data: Path, *, every: int = 1) -> Questions:
    """Return every so many rows of `examples/mmlu_pro.jsonl.gz` in the folder `data`."""
    (file,) = read_examples([data / "examples" / "mmlu_pro.jsonl.gz"])
    return Questions(
        digest=file.digest,
        known=[row for row in file.examples if not is_held_out(row.id)][::every],
        held_out=[row for row in file.examples if is_held_out(row.id)][::every],
    )


def learned(
    examples: Sequence[Example], labels: tuple[str, ...], encoder: AnyEncoder, progress: Progress
) -> Learned:
    """Choose settings on `examples` and learn from them, with disturbed copies, as a fit does."""
    rows = labelled(examples, labels, encoder, progress)
    lessons = lessons_of(rows, [row.text for row in examples], encoder, progress)
    return learned_from(lessons, f"Learning from {len(rows):,} prompts", progress)


def learned_from(lessons: Lessons, step: str, progress: Progress) -> Learned:
    """Choose settings on `lessons` by cross-validation and learn from them."""
    progress.step(step)
    choice = choose(lessons, progress)
    return Learned(lessons, choice, learn_centroids(lessons, choice))


def with_vectors(rows: Rows, vectors: Vectors) -> Rows:
    """Return the same prompts as another encoder sees them: `vectors` is `[N, D]`."""
    return replace(rows, features=Features(vectors, rows.features.ngrams))
