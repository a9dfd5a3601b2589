"""What the static tier in front of the encoder saves, and what it changes.

Prototypes, the static tier and its bar are learned on the rows that are not held out, then judged
on held-out MMLU-Pro questions, and on chat prompts, to which nothing was fitted. Every prompt is
read as the router reads it. Writes `results/static_tier.json`, `.md` and `.svg`.
"""

import argparse
import gzip
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from classification import default_policy, machine
from encoders import SHIPPED
from results_files import publish
from rich.console import Console
from static_tier_judge import Judged, Tiers, accuracy, cost, curve, policy_row
from static_tier_report import Results, draw, markdown

from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.core.conversation import USER, Turn
from semrouter_extproc.core.policy import Policy, Route
from semrouter_extproc.core.prompt import Reading, text_to_classify
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.core.static import StaticModel
from semrouter_extproc.encoding.local import local_encoder
from semrouter_extproc.encoding.torch_encoder import TorchEncoder
from semrouter_extproc.encoding.weights import DEFAULT_MODEL
from semrouter_extproc.workbench.choose import cross_validated
from semrouter_extproc.workbench.examples import Example, read_examples
from semrouter_extproc.workbench.fit import encode, is_held_out
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.prototypes import Rows, learn
from semrouter_extproc.workbench.static import fit_static, lessons
from semrouter_extproc.workbench.waiting import waiting_on

MIN_MARGIN: Final = 0.1


class Chat(msgspec.Struct):
    """A conversation of the chat prompts: what the user says, turn by turn."""

    turns: list[str]


def main() -> None:
    """Run everything and write the files."""
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
    publish("static_tier", results, markdown(results), console)
    draw(results)


def measure(folder: Path, progress: Progress) -> Results:
    """Learn on the rows that are not held out and return every figure."""
    (file,) = read_examples([folder / "mmlu_pro.jsonl.gz"])
    seen = [row for row in file.examples if not is_held_out(row.id)]
    unseen = [row for row in file.examples if is_held_out(row.id)]
    static, centroids = learned(seen, progress)
    encoder = local_encoder(DEFAULT_MODEL, backend="auto", device="cpu", workers=1)
    tiers = Tiers(static, encoder, centroids)
    sets = {
        "MMLU-Pro, held out": [read([row.text]) for row in unseen],
        "chat": chat_texts(folder / "chat_prompts.jsonl.gz"),
    }
    progress.step("Encoding what is judged")
    both = [Judged.by(tiers, name, texts) for name, texts in sets.items()]
    paper = default_policy(static.labels, MIN_MARGIN)
    policies = {"on or off, as in the paper": paper, "each its own way": own_ways(static.labels)}
    progress.step("Measuring time, with and without the static tier in turn")
    return Results(
        data_sha256=file.digest,
        encoder=encoder.description,
        learned_from=len(seen),
        temperature=round(static.temperature, 4),
        bar=round(static.bar, 4),
        rows=[
            policy_row(judged, name, policy, static.bar)
            for name, policy in policies.items()
            for judged in both
        ],
        accuracy=accuracy(both[0], [row.category for row in unseen], paper, static.bar),
        costs=[cost(judged, tiers, paper) for judged in both],
        curves=[
            curve(judged, name, policy) for name, policy in policies.items() for judged in both
        ],
        machine=machine(),
    )


def learned(rows: Sequence[Example], progress: Progress) -> tuple[StaticModel, Centroids]:
    """Learn as the built-in artefact was, with its settings."""
    labels = tuple(sorted({row.category for row in rows}))
    truth = np.array([labels.index(row.category) for row in rows])
    progress.step(f"Encoding {len(rows):,} prompts to learn from")
    vectors = encode(rows, TorchEncoder(device="cpu", precision="float32"), progress)
    known = Rows(vectors, truth, labels)
    progress.step("Learning")
    choice = cross_validated(known, SHIPPED)
    taught = lessons((row.text for row in rows), truth, choice.probabilities)
    tier = fit_static(taught, np.zeros(len(rows), np.bool_), labels, progress)
    if tier is None:
        raise SystemExit("these rows prove no bar for a static tier")
    return tier.model, replace(learn(known, SHIPPED), temperature=choice.temperature)


def read(turns: Sequence[str]) -> str:
    """Return what the router would classify."""
    return text_to_classify([Turn(USER, turn) for turn in turns], Reading())


def chat_texts(path: Path) -> list[str]:
    """Return what the router would classify of each conversation, up to its last turn."""
    lines = gzip.decompress(path.read_bytes()).split(b"\n")
    return [read(msgspec.json.decode(line, type=Chat).turns) for line in lines if line.strip()]


def own_ways(labels: Sequence[str]) -> Policy:
    """Return the policy that is hardest to decide for: a model for every category."""
    return Policy(
        labels=labels,
        routes={label: Route(label, Reasoning.UNCHANGED) for label in labels},
        default=Route("default", Reasoning.UNCHANGED),
        min_margin=MIN_MARGIN,
    )


if __name__ == "__main__":
    main()
