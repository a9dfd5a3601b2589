"""How many wrong labels `semrouter lint` finds, and how much of what it reports is one.

One label in twenty is made wrong: by any other category, or by the one that lies closest, as
people get it wrong. Labels that were wrong before count as false alarms, so precision is a lower
bound. Writes `results/lint.json` and `.md`.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from classification import machine
from lint_report import Found, Results, markdown
from numpy.typing import NDArray
from results_files import publish
from rich.console import Console

from semrouter_extproc.encoding.cores import usable_cores
from semrouter_extproc.encoding.torch_encoder import TorchEncoder
from semrouter_extproc.workbench.examples import Example, read_examples
from semrouter_extproc.workbench.features import Features, features_of
from semrouter_extproc.workbench.fit import is_held_out
from semrouter_extproc.workbench.folds import stratified_sample
from semrouter_extproc.workbench.lint import Judged
from semrouter_extproc.workbench.lint.categories import ENOUGH
from semrouter_extproc.workbench.lint.examine import left_out, usable
from semrouter_extproc.workbench.lint.mislabelled import DOUBTFUL, Suspects, suspects
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.rows import Rows
from semrouter_extproc.workbench.waiting import waiting_on

WRONG: Final = 0.05
SEED: Final = 0
MOST: Final = 6_144
"""Rows of each set at most: what is measured does not take more of them."""

SETS: Final = {"MMLU-Pro": "mmlu_pro", "CLINC150": "clinc150", "chat prompts": "chat_prompts"}


def main() -> None:
    """Run every set with either noise, and as it is, and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data",
        type=Path,
        help=f"folder that holds examples/{{{','.join(SETS.values())}}}.jsonl.gz",
        metavar="DATA",
    )
    folder = parser.parse_args().data / "examples"
    console = Console()
    with waiting_on(console) as progress:
        progress.step("Loading the encoder")
        encoder = TorchEncoder(workers=usable_cores(), precision="float32")
        rows: list[Found] = []
        for name, file in SETS.items():
            examples = sampled(folder / f"{file}.jsonl.gz")
            progress.step(f"{name}: encoding {len(examples):,} prompts")
            features = features_of([row.text for row in examples], encoder, progress)
            rows += measured(name, examples, features, progress)
    results = Results(WRONG, SEED, encoder.fingerprint, tuple(rows), machine())
    publish("lint", results, markdown(results), console)


def sampled(path: Path) -> list[Example]:
    """Return rows that are not held out, of categories with enough of them."""
    (file,) = read_examples([path])
    kept = [row for row in file.examples if not is_held_out(row.id)]
    _, truth, counts = np.unique(
        [row.category for row in kept], return_inverse=True, return_counts=True
    )
    sample = stratified_sample(truth, MOST).tolist()
    return [kept[at] for at in sample if counts[truth[at]] >= ENOUGH]


def measured(
    name: str, examples: list[Example], features: Features, progress: Progress
) -> Iterator[Found]:
    """Yield what is found among the labels as they are, and with either noise."""
    _, rows = usable(examples, features)
    rng = np.random.default_rng(SEED)
    wrong = rng.random(len(examples)) < WRONG
    others = rows.truth + rng.integers(1, len(rows.labels), len(examples))
    noises = {
        "none": rows.truth,
        "any other": np.where(wrong, others % len(rows.labels), rows.truth),
        "the closest": np.where(wrong, closest(rows)[rows.truth], rows.truth),
    }
    for noise, given in noises.items():
        progress.step(f"{name}: placing every prompt by the others, wrong labels: {noise}")
        probabilities = left_out(Rows(features, given, rows.labels))
        judged = Judged(examples, rows.labels, given, features.vectors, probabilities)
        yield found(name, noise, judged, rows.truth)


def closest(rows: Rows) -> NDArray[np.intp]:
    """Return the category whose centroid is the nearest to each category's, `[C]`."""
    vectors = rows.features.vectors
    sums = np.zeros((len(rows.labels), vectors.shape[1]))
    np.add.at(sums, rows.truth, vectors)
    unit = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    nearest: NDArray[np.intp] = cosines.argmax(axis=1)
    return nearest


def found(name: str, noise: str, judged: Judged, truth: NDArray[np.intp]) -> Found:
    """Compare the suspects with the labels before any was made wrong."""
    suspected = suspects(judged)
    wrong = judged.truth != truth
    hits = wrong[suspected.rows]
    listed = suspected.doubt >= DOUBTFUL
    warned = listed & suspected.sure
    return Found(
        name=name,
        noise=noise,
        rows=len(truth),
        accuracy=round(judged.accuracy, 4),
        wrong=int(wrong.sum()),
        listed=int(listed.sum()),
        listed_wrong=int(hits[listed].sum()),
        warned=int(warned.sum()),
        warned_wrong=int(hits[warned].sum()),
        right_suggestions=int(rightly(suspected, truth)[warned & hits].sum()),
        average_precision=round(average_precision(hits, int(wrong.sum())), 4),
    )


def rightly(suspected: Suspects, truth: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return whether the label from before is the one suggested, `[S]`."""
    right: NDArray[np.bool_] = suspected.suggested == truth[suspected.rows]
    return right


def average_precision(hits: NDArray[np.bool_], wrong: int) -> float:
    """Return the mean precision down to each wrong label of a ranking; those missed count 0."""
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].sum() / wrong) if wrong else 0.0


if __name__ == "__main__":
    main()
