"""From files of examples to everything that lint has to say about them."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.centroids import FEWEST_CATEGORIES
from semrouter_extproc.core.classify import probabilities_of, support_of
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.choose import USUAL, fitting_temperature
from semrouter_extproc.workbench.examples import Example, read_examples
from semrouter_extproc.workbench.features import Features, features_of
from semrouter_extproc.workbench.folds import FOLDS, stratified_folds, stratified_sample
from semrouter_extproc.workbench.kernel_ridge import LeftOut
from semrouter_extproc.workbench.lint.categories import ENOUGH
from semrouter_extproc.workbench.lint.judged import Judged
from semrouter_extproc.workbench.lint.report import Lint, Material, lint
from semrouter_extproc.workbench.lint.texts import cut_by
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.rows import Rows

Model: TypeAlias = Callable[[Rows], NDArray[np.float64]]
"""Returns what each row gets from what was learned without it: probabilities, `[N, C]`."""


def examine(
    files: Sequence[Path], encoder: AnyEncoder, progress: Progress, *, show_text: bool = False
) -> Lint:
    """Read, encode and cross-validate examples, and return what there is to find.

    Raises ConfigError for files that cannot be read.
    """
    examples = [example for file in read_examples(files) for example in file.examples]
    if not examples:
        raise ConfigError("examples", ["these files have no rows"])
    progress.step(f"Encoding {len(examples):,} prompts")
    texts = [example.text for example in examples]
    features = features_of(texts, encoder, progress)
    material = worked_out(examples, features, cut_by(encoder, texts), left_out, progress)
    progress.step("Looking for duplicates")
    return lint(material, show_text=show_text)


def worked_out(
    examples: Sequence[Example],
    features: Features,
    cut: NDArray[np.bool_],
    model: Model,
    progress: Progress,
) -> Material:
    """Cross-validate examples, and half of them for a second point of the learning curve."""
    progress.step(f"Placing every prompt by the others, in {FOLDS} folds")
    kept, rows = usable(examples, features)
    if len(rows.labels) < FEWEST_CATEGORIES:
        return Material(examples, features.vectors, cut)
    judged = Judged(kept, rows.labels, rows.truth, rows.features.vectors, model(rows))
    at_half = None
    if np.bincount(rows.truth).min() >= ENOUGH:
        progress.step("The same by half of the others")
        half = rows.where(stratified_sample(rows.truth, len(rows.truth) // 2))
        at_half = float((model(half).argmax(axis=1) == half.truth).mean())
    return Material(examples, features.vectors, cut, judged, at_half)


def usable(examples: Sequence[Example], features: Features) -> tuple[list[Example], Rows]:
    """Return the examples of categories that have one for every fold."""
    counts = Counter(example.category for example in examples)
    labels = tuple(sorted(name for name, count in counts.items() if count >= FOLDS))
    index = {label: at for at, label in enumerate(labels)}
    chosen = np.array([example.category in index for example in examples])
    kept = [example for example in examples if example.category in index]
    truth = np.array([index[example.category] for example in kept], np.intp)
    return kept, Rows(features.where(chosen), truth, labels)


def left_out(rows: Rows) -> NDArray[np.float64]:
    """Cross-validate with the settings that `fit` starts from: probabilities, `[N, C]`."""
    others = LeftOut(
        rows.features,
        stratified_folds(rows.truth),
        sharpness=USUAL.sharpness,
        ngram_share=USUAL.ngram_share,
    )
    support = support_of(others.predicted(rows.targets, USUAL.ridge))
    return probabilities_of(support, fitting_temperature(support, rows.truth))
