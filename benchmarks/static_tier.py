"""What the static tier in front of the encoder saves, and what it changes.

Centroids, the static tier and its bar are learned on the rows that are not held out, then judged
on held-out MMLU-Pro questions, and on chat prompts, to which nothing was fitted. Every prompt is
read as the router reads it. Writes `results/static_tier.json`, `.md` and `.svg`.
"""

import argparse
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from classification import default_policy, machine
from learned import Learned, learned, questions
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
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.static import Taught, fit_static
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
        results = measure(arguments.data, progress)
    publish("static_tier", results, markdown(results), console)
    draw(results)


def measure(data: Path, progress: Progress) -> Results:
    """Learn on the rows that are not held out and return every figure."""
    asked = questions(data)
    exact = TorchEncoder(device="cpu", precision="float32")
    static, centroids = both_tiers(learned(asked.known, asked.labels, exact, progress), progress)
    encoder = local_encoder(DEFAULT_MODEL, backend="auto", device="cpu", workers=1)
    tiers = Tiers(static, encoder, centroids)
    sets = {
        "MMLU-Pro, held out": [read([row.text]) for row in asked.held_out],
        "chat": chat_texts(data / "examples" / "chat_prompts.jsonl.gz"),
    }
    progress.step("Encoding what is judged")
    both = [Judged.by(tiers, name, texts) for name, texts in sets.items()]
    paper = default_policy(centroids.labels, MIN_MARGIN)
    policies = {"on or off, as in the paper": paper, "each its own way": own_ways(centroids)}
    progress.step("Measuring time, with and without the static tier in turn")
    return Results(
        data_sha256=asked.digest,
        encoder=encoder.description,
        learned_from=len(asked.known),
        temperature=round(static.temperature, 4),
        bar=round(static.bar, 4),
        rows=[
            policy_row(judged, name, policy, static.bar)
            for name, policy in policies.items()
            for judged in both
        ],
        accuracy=accuracy(both[0], [row.category for row in asked.held_out], paper, static.bar),
        costs=[cost(judged, tiers, paper) for judged in both],
        curves=[
            curve(judged, name, policy) for name, policy in policies.items() for judged in both
        ],
        machine=machine(),
    )


def both_tiers(found: Learned, progress: Progress) -> tuple[StaticModel, Centroids]:
    """Learn the static tier in front of what was learned."""
    rows = found.lessons.rows
    taught = Taught(rows.features.ngrams, rows.truth, found.choice.probabilities)
    tier = fit_static(taught, np.zeros(len(rows), np.bool_), rows.labels, progress)
    if tier is None:
        raise SystemExit("these rows prove no bar for a static tier")
    return tier.model, found.centroids


def read(turns: Sequence[str]) -> str:
    """Return what the router would classify."""
    return text_to_classify([Turn(USER, turn) for turn in turns], Reading())


def chat_texts(path: Path) -> list[str]:
    """Return what the router would classify of each conversation, up to its last turn."""
    lines = gzip.decompress(path.read_bytes()).split(b"\n")
    return [read(msgspec.json.decode(line, type=Chat).turns) for line in lines if line.strip()]


def own_ways(centroids: Centroids) -> Policy:
    """Return the policy that is hardest to decide for: a model for every category."""
    return Policy(
        labels=centroids.labels,
        routes={label: Route(label, Reasoning.UNCHANGED) for label in centroids.labels},
        default=Route("default", Reasoning.UNCHANGED),
        min_margin=MIN_MARGIN,
    )


if __name__ == "__main__":
    main()
