"""How well categories are learned, how sure of them one may be, and what shakes them.

MMLU-Pro on its held-out rows and on five more splits, with and without near-duplicates of what
was learned; CLINC150 with all examples and with ten for each intent, and how well what is out of
scope is found; prompts with words around them, typos and other letters. Settings are chosen for
every split anew, on its learning part alone. Writes `results/categories.json`, `.md` and `.svg`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from categories_judge import Scope, Split, scope_of, split_of
from categories_report import Results, markdown
from categories_steadiness import steadiness
from classification import machine
from learned import learned_from
from results_files import publish
from rich.console import Console

from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.encoding.local import prepared_in_cache
from semrouter_extproc.encoding.onnx_encoder import OnnxEncoder
from semrouter_extproc.encoding.torch_encoder import TorchEncoder
from semrouter_extproc.encoding.weights import DEFAULT_MODEL
from semrouter_extproc.workbench.examples import Example, read_examples
from semrouter_extproc.workbench.fit import is_held_out
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.rows import Lessons, Rows, labelled, lessons_of, without_copies
from semrouter_extproc.workbench.waiting import waiting_on

OTHER_SPLITS: Final = 5
FEW: Final = 10
DRAWS: Final = 3
STRANGE: Final = "oos"


def main() -> None:
    """Run everything and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data",
        type=Path,
        help="folder that holds examples/mmlu_pro.jsonl.gz and examples/clinc150.jsonl.gz",
        metavar="DATA",
    )
    arguments = parser.parse_args()
    console = Console()
    with waiting_on(console) as progress:
        results = measure(arguments.data / "examples", progress)
    publish("categories", results, markdown(results), console)


def measure(folder: Path, progress: Progress) -> Results:
    """Learn, judge, disturb."""
    encoder = TorchEncoder(device="cpu", precision="float32")
    (mmlu,) = read_examples([folder / "mmlu_pro.jsonl.gz"])
    (clinc,) = read_examples([folder / "clinc150.jsonl.gz"])
    labels = tuple(sorted({row.category for row in mmlu.examples}))
    rows = labelled(mmlu.examples, labels, encoder, progress)
    lessons = lessons_of(rows, [row.text for row in mmlu.examples], encoder, progress)
    judged = np.array([is_held_out(row.id) for row in mmlu.examples])
    known = learned_from(lessons.where(~judged), "Learning MMLU-Pro", progress)
    held_out = split_of("held out", rows, judged, known)
    others = [other_split(lessons, seed, progress) for seed in range(OTHER_SPLITS)]
    return Results(
        encoder=encoder.fingerprint,
        data={file.name: file.digest for file in (mmlu, clinc)},
        settings=known.choice.settings,
        held_out=held_out,
        others=others,
        intents=by_intent(clinc.examples, progress, encoder),
        steadiness=steadiness(
            [row.text for row, kept in zip(mmlu.examples, judged, strict=True) if kept],
            rows.where(judged),
            known,
            OnnxEncoder(prepared_in_cache(DEFAULT_MODEL)),
            progress,
        ),
        machine=machine(),
    )


def other_split(lessons: Lessons, seed: int, progress: Progress) -> Split:
    """Learn on four fifths of the rows, drawn at random, and judge on the rest."""
    judged = np.random.default_rng(seed).random(len(lessons.rows)) < 1 / 5
    name = f"split {seed + 1} of {OTHER_SPLITS}"
    known = learned_from(lessons.where(~judged), f"Learning {name}", progress)
    return split_of(name, lessons.rows, judged, known)


def by_intent(examples: Sequence[Example], progress: Progress, encoder: AnyEncoder) -> list[Scope]:
    """Learn the intents from all examples for learning, and from few; judge on those for tests."""
    intents = tuple(sorted({row.category for row in examples} - {STRANGE}))
    # What is out of scope is judged, never learned: nobody can collect examples of the rest.
    rows = labelled(examples, (*intents, STRANGE), encoder, progress)
    part = np.array([row.id.split("/")[1] for row in examples])
    tested = rows.where(np.isin(part, ("test", "oos_test")))
    taught = rows.where(part == "train")
    taught = Rows(taught.features, taught.truth, intents)
    texts = [row.text for row, kept in zip(examples, part == "train", strict=True) if kept]
    lessons = lessons_of(taught, texts, encoder, progress)
    sets = {"all examples": lessons}
    for number in range(1, DRAWS + 1):
        sets[f"{FEW} examples, draw {number}"] = few_of(taught, seed=number)
    return [
        scope_of(name, learned_from(known, f"Learning CLINC150, {name}", progress), tested)
        for name, known in sets.items()
    ]


def few_of(rows: Rows, seed: int) -> Lessons:
    """Return a few rows of each category, drawn at random, without copies."""
    rng = np.random.default_rng(seed)
    drawn = [
        rng.choice(np.flatnonzero(rows.truth == index), FEW, replace=False)
        for index in range(len(rows.labels))
    ]
    return without_copies(rows.where(np.sort(np.concatenate(drawn))))


if __name__ == "__main__":
    main()
