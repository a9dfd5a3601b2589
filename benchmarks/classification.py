"""How well prompts are placed, and what that means for switching reasoning on and off.

Settings are chosen and prototypes learned on the rows that are not held out; every figure is
from the held-out rows. Writes `results/classification.json` and `results/classification.md`.
"""

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Final

import numpy as np
from classification_tables import MarginRow, Method, Results, markdown
from numpy.typing import NDArray
from results_files import publish
from rich.console import Console

from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.core.classify import classify
from semrouter_extproc.core.policy import PAPER_POLICY, Policy, Reason, Route
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.encoding.local import prepared_in_cache
from semrouter_extproc.encoding.onnx_encoder import OnnxEncoder
from semrouter_extproc.encoding.torch_encoder import TorchEncoder
from semrouter_extproc.encoding.weights import DEFAULT_MODEL
from semrouter_extproc.workbench.choose import choose
from semrouter_extproc.workbench.examples import Example, read_examples
from semrouter_extproc.workbench.fit import encode, is_held_out
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.prototypes import Indices, Rows, Settings, Vectors, learn
from semrouter_extproc.workbench.scores import judge
from semrouter_extproc.workbench.waiting import waiting_on

MARGINS: Final = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)
TIMED_CLASSIFICATIONS: Final = 20_000


def main() -> None:
    """Run everything and write the two files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data", type=Path, help="folder that holds examples/mmlu_pro.jsonl.gz", metavar="DATA"
    )
    arguments = parser.parse_args()
    console = Console()
    with waiting_on(console) as progress:
        results = measure(arguments.data / "examples" / "mmlu_pro.jsonl.gz", progress)
    publish("classification", results, markdown(results), console)


def measure(path: Path, progress: Progress) -> Results:
    """Choose and learn on the rows that are not held out, judge on those that are."""
    (file,) = read_examples([path])
    seen = [row for row in file.examples if not is_held_out(row.id)]
    unseen = [row for row in file.examples if is_held_out(row.id)]
    labels = tuple(sorted({row.category for row in seen}))
    encoder = TorchEncoder(device="cpu", precision="float32")
    progress.step(f"Encoding {len(seen):,} prompts to learn from")
    rows = Rows(encode(seen, encoder, progress), indices(seen, labels), labels)
    progress.step(f"Encoding {len(unseen):,} held-out prompts")
    judged, expected = encode(unseen, encoder, progress), indices(unseen, labels)

    progress.step("Choosing settings by cross-validation")
    choice = choose(rows, progress)
    ours = replace(learn(rows, choice.settings), temperature=choice.temperature)
    means = learn(rows, Settings(1, choice.settings.sharpness, 0))
    progress.step("Encoding held-out prompts in 8-bit integers")
    coarse = encode(unseen, OnnxEncoder(prepared_in_cache(DEFAULT_MODEL)), progress)
    progress.step("Measuring time")
    return Results(
        data_sha256=file.digest,
        encoder=encoder.fingerprint,
        rows_learned_from=len(seen),
        settings=choice.settings,
        temperature=round(choice.temperature, 4),
        methods=(
            method("one mean per category, not calibrated", means, judged, expected),
            method("prototypes", ours, judged, expected),
            method("prototypes, encoder in 8-bit integers", ours, coarse, expected),
        ),
        margins=tuple(margin_rows(ours, judged, expected)),
        machine=machine(),
        classify_us=classify_us(judged, ours),
    )


def indices(rows: Sequence[Example], labels: tuple[str, ...]) -> Indices:
    """Return the index of each row's category."""
    return np.array([labels.index(row.category) for row in rows])


def method(name: str, centroids: Centroids, judged: Vectors, expected: Indices) -> Method:
    """Judge `centroids` on held-out vectors."""
    found = [classify(vector, centroids) for vector in judged]
    judgement = judge(np.stack([row.probabilities for row in found]), expected)
    wanted = reasons(centroids.labels)
    switched = np.mean(wanted[[row.index for row in found]] == wanted[expected])
    return Method(
        name=name,
        prototypes=len(centroids.owners),
        judgement=judgement,
        interval=wilson(judgement.accuracy, judgement.rows),
        switch_accuracy=round(float(switched), 4),
    )


def reasons(labels: tuple[str, ...]) -> NDArray[np.bool_]:
    """Say for each category whether the default policy reasons about it."""
    return np.array([PAPER_POLICY[label] is Reasoning.ON for label in labels])


def wilson(share: float, rows: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % interval of a share."""
    centre = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    spread = math.sqrt(share * (1 - share) / rows + (z / (2 * rows)) ** 2)
    half = z * spread / (1 + z * z / rows)
    return round(centre - half, 4), round(centre + half, 4)


def margin_rows(centroids: Centroids, judged: Vectors, expected: Indices) -> Iterator[MarginRow]:
    """Yield what the default policy does at each margin."""
    found = [classify(vector, centroids) for vector in judged]
    wanted = reasons(centroids.labels)[expected]
    for margin in MARGINS:
        policy = default_policy(centroids.labels, margin)
        choices = [policy.choose(row) for row in found]
        on = np.array([choice.route.reasoning is Reasoning.ON for choice in choices])
        sure = np.array([choice.reason is Reason.ROUTED for choice in choices])
        yield MarginRow(
            min_margin=margin,
            sure=share(sure),
            sure_accuracy=share(on[sure] == wanted[sure]),
            accuracy=share(on == wanted),
            needless=share(on & ~wanted),
            missed=share(~on[wanted]),
        )


def share(flags: NDArray[np.bool_]) -> float:
    """Return how many flags are set, from 0 to 1."""
    return round(float(np.mean(flags)), 4)


def default_policy(labels: tuple[str, ...], min_margin: float) -> Policy:
    """Return the policy of the shipped configuration."""
    return Policy(
        labels=labels,
        routes={category: Route("model", level) for category, level in PAPER_POLICY.items()},
        default=Route("model", Reasoning.OFF),
        min_margin=min_margin,
    )


def machine() -> str:
    """Name the processor, its cores and the library that the times depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} cores of {names[0]}, torch {version('torch')}"


def classify_us(vectors: Vectors, centroids: Centroids) -> float:
    """Return the median wall-clock microseconds of one classification."""
    taken = np.empty(TIMED_CLASSIFICATIONS)
    for number in range(TIMED_CLASSIFICATIONS):
        start = perf_counter()
        classify(vectors[number % len(vectors)], centroids)
        taken[number] = perf_counter() - start
    return round(float(np.median(taken)) * 1e6, 1)


if __name__ == "__main__":
    main()
