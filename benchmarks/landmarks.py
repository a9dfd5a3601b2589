"""What classifying costs as landmarks and categories grow in number, beside the least it could.

The centroids are random: time does not depend on what they mean. Everything is timed on one
thread, in turns. Writes `results/landmarks.json`, `.md` and `.svg`.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from classification import machine
from interleaved import Spread, take_turns
from numpy.typing import NDArray
from plots import LIMIT, OTHER, OURS, THIRD, panels, save
from random_centroids import random_centroids
from results_files import publish
from rich.console import Console
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it has none

from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.core.classify import classify
from semrouter_extproc.core.ngrams import BUCKETS, Buckets
from semrouter_extproc.core.policy import Policy, Route
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.workbench.fit import MOST_LANDMARKS
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on

SIZES: Final = (
    *((14, 14), (150, 14), (1_500, 150)),
    *((MOST_LANDMARKS, 14), (MOST_LANDMARKS, 150), (15_000, 1_500)),
)
"""Landmarks and categories; `semrouter fit` keeps no more than `MOST_LANDMARKS`."""

DIMENSIONS: Final = 384
NGRAMS: Final = 450
"""Of one prompt: those of MMLU-Pro have as many in the mean."""

ROUNDS: Final = 400
TARGET_US: Final = 1_000

STEPS: Final = {
    "read": "plain read",
    "rows": "product, by rows",
    "columns": "product, by columns",
    "weights": "product with the weights",
    "classify": "classify",
    "choose": "choose a route",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One size of centroids, and the seconds of each step."""

    landmarks: int
    categories: int
    steps: dict[str, Spread]


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure."""

    dimensions: int
    ngrams: int
    rounds: int
    rows: tuple[Row, ...]
    machine: str


def main() -> None:
    """Measure every size and write the three files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    console = Console()
    with waiting_on(console) as progress, threadpool_limits(1, user_api="blas"):
        rows = tuple(measure(*size, progress) for size in SIZES)
    results = Results(DIMENSIONS, NGRAMS, ROUNDS, rows, machine())
    publish("landmarks", results, markdown(results), console)
    draw(results)


def measure(landmarks: int, categories: int, progress: Progress) -> Row:
    """Time every step for centroids of one size."""
    progress.step(f"Classifying with {landmarks:,} landmarks, {categories:,} categories")
    centroids = random_centroids(landmarks, categories, DIMENSIONS)
    # Any landmark serves as a prompt.
    vector = centroids.model.landmarks[0]
    chosen = np.random.default_rng(0).choice(BUCKETS, NGRAMS, replace=False)
    buckets = np.sort(chosen).astype(np.uint16)
    seconds = take_turns(steps(centroids, vector, buckets), rounds=ROUNDS)
    return Row(landmarks, categories, {name: Spread.of(each) for name, each in seconds.items()})


def steps(
    centroids: Centroids, vector: NDArray[np.float32], buckets: Buckets
) -> Mapping[str, Callable[[], object]]:
    """Return what is timed, by the names of `STEPS`."""
    model, policy = centroids.model, rival_routes(centroids.labels)
    # Each step has an array of its own, or it would find in the caches what another has read.
    copy, columns = model.landmarks.copy(), np.ascontiguousarray(model.landmarks.T)
    likeness = model.likeness(vector)
    classification = classify(vector, buckets, centroids)
    return {
        "read": copy.max,
        "rows": lambda: model.landmarks @ vector,
        "columns": lambda: vector @ columns,
        "weights": lambda: likeness @ model.weights,
        "classify": lambda: classify(vector, buckets, centroids),
        "choose": lambda: policy.choose(classification),
    }


def rival_routes(labels: tuple[str, ...]) -> Policy:
    """Return a policy that switches reasoning on for every other category."""
    levels = (Reasoning.ON, Reasoning.OFF)
    return Policy(
        labels=labels,
        routes={label: Route("model", levels[at % 2]) for at, label in enumerate(labels)},
        default=Route("model", Reasoning.OFF),
        min_margin=0.1,
    )


def markdown(results: Results) -> str:
    """Return the figures as a table, with what they mean."""
    setup = (
        f"Microseconds for one prompt of {results.ngrams} n-grams on one thread, with random "
        f"landmarks of {results.dimensions} dimensions in single precision: the median of "
        f"{results.rounds} calls (and what the quickest tenth stayed below). The steps take turns. "
        f"`semrouter fit` keeps at most {MOST_LANDMARKS:,} landmarks."
    )
    meaning = (
        "*Plain read* is the largest value of all landmarks, which is bounded by memory. The "
        "*product* of one vector with all landmarks is the least that must be done: by rows is how "
        "the artefact holds them, by columns is how `classify` reads them, several columns at a "
        "time. The *product with the weights* has as many numbers as landmarks times categories. "
        "*Classify* is both products, the n-grams and everything from there to a category with its "
        "probabilities, *choose a route* what the policy makes of those."
    )
    return "\n".join(
        [
            "# Classifying, by the number of landmarks and categories",
            "",
            setup,
            "",
            f"| landmarks (categories) | size | {' | '.join(STEPS.values())} |",
            "| --- | --- |" + " --- |" * len(STEPS),
            *map(line, results.rows),
            "",
            "![](landmarks.svg)",
            "",
            meaning,
            "",
            f"Measured on {results.machine}.",
            "",
        ]
    )


def line(row: Row) -> str:
    """Return a line of the table."""
    kilobytes = row.landmarks * DIMENSIONS * np.dtype(np.float32).itemsize / 1e3
    cells = (
        f"{row.steps[name].median * 1e6:,.0f} ({row.steps[name].quick * 1e6:,.0f})"
        for name in STEPS
    )
    return f"| {row.landmarks:,} ({row.categories:,}) | {kilobytes:,.0f} kB | {' | '.join(cells)} |"


def draw(results: Results) -> None:
    """Write the plot: microseconds of each step for each size."""
    figure, (panel,) = panels(1, width=8)
    sizes = [f"{row.landmarks:,}\n({row.categories:,})" for row in results.rows]
    colours = dict(zip(STEPS, (LIMIT, OTHER, THIRD, "#7b5ea7", OURS, "#b58900"), strict=True))
    for name, label in STEPS.items():
        times = [row.steps[name].median * 1e6 for row in results.rows]
        panel.semilogy(sizes, times, "o-", color=colours[name], label=label)
    panel.axhline(TARGET_US, color="black", linewidth=0.8, linestyle=":")
    panel.set_xlabel("landmarks (categories)")
    panel.set_ylabel("microseconds for one prompt")
    panel.legend(frameon=False)
    save(figure, "landmarks")


if __name__ == "__main__":
    main()
