"""How long prompts and conversations should be read, and what that means for on and off.

Centroids are learned on one part of the rows that are not held out, settings are chosen on
another, and the final figures are from held-out rows. Writes `results/prompts.json` and
`results/prompts.md`.
"""

import argparse
from pathlib import Path
from time import monotonic
from typing import Final

from classification import default_policy, machine
from learned import learned
from prompt_judge import Judge, Router, chat_rows, conversation_rows, long_rows
from prompt_material import digit
from prompt_methods import CHOSEN, CUTS, FINAL_CUTS, FINAL_READS, READS
from prompt_tables import Results, Sizes, markdown
from results_files import publish
from rich.console import Console

from semrouter_extproc.artefact import BUILT_IN, load
from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.encoding.cores import usable_cores
from semrouter_extproc.encoding.local import local_encoder
from semrouter_extproc.encoding.weights import DEFAULT_MODEL
from semrouter_extproc.workbench.examples import read_examples
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on

LEARNED_FROM: Final = frozenset({5, 6, 7, 8})
CHOSEN_ON: Final = frozenset({9})
HELD_OUT: Final = frozenset({3, 4})
MIN_MARGIN: Final = 0.1

CHOICE: Final = Sizes(questions=2, plain=38, conversations=80)
FINAL: Final = Sizes(questions=4, plain=38, conversations=200)


def main() -> None:
    """Run everything and write the two files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data",
        type=Path,
        help="folder that holds examples/mmlu_pro.jsonl.gz and examples/chat_prompts.jsonl.gz",
        metavar="DATA",
    )
    arguments = parser.parse_args()
    console = Console()
    with waiting_on(console) as progress:
        results = measure(arguments.data / "examples", progress)
    publish("prompts", results, markdown(results), console)


def measure(folder: Path, progress: Progress) -> Results:
    """Learn, compare settings, and judge what was chosen."""
    started = monotonic()
    (file,) = read_examples([folder / "mmlu_pro.jsonl.gz"])
    learned_from, chosen_on, held_out = (
        [row for row in file.examples if digit(row.id) in part]
        for part in (LEARNED_FROM, CHOSEN_ON, HELD_OUT)
    )
    encoder = local_encoder(DEFAULT_MODEL, backend="auto", device="auto", workers=usable_cores())
    judge = Judge(encoder, progress)
    shipped = routing(load(BUILT_IN / "mmlu-pro").centroids)
    labels = shipped.centroids.labels
    router = routing(learned(learned_from, labels, encoder, progress).centroids)
    return Results(
        data_sha256=file.digest,
        encoder=f"{encoder.fingerprint}, {encoder.description}",
        learned_from=len(learned_from),
        max_chars=CHOSEN.max_chars,
        enough_chars=CHOSEN.enough_chars,
        sizes=(CHOICE, FINAL),
        choice_long=long_rows(chosen_on, CHOICE, CUTS, judge, router),
        choice_conversations=conversation_rows(chosen_on, CHOICE, READS, judge, router),
        final_long=long_rows(held_out, FINAL, FINAL_CUTS, judge, router),
        final_long_shipped=long_rows(held_out, FINAL, FINAL_CUTS, judge, shipped),
        final_conversations=conversation_rows(held_out, FINAL, FINAL_READS, judge, router),
        chat=chat_rows(folder / "chat_prompts.jsonl.gz", FINAL_READS, judge, router),
        machine=machine(),
        minutes=round((monotonic() - started) / 60, 1),
    )


def routing(centroids: Centroids) -> Router:
    """Return what decides by `centroids` as the shipped configuration does."""
    return Router(centroids, default_policy(centroids.labels, MIN_MARGIN))


if __name__ == "__main__":
    main()
