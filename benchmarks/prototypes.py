"""What classifying costs as prototypes grow in number, beside the least that it could cost.

The prototypes are random: time does not depend on what they mean. Everything is timed on one
thread, in turns. Writes `results/prototypes.json`, `.md` and `.svg`.
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
from results_files import publish
from rich.console import Console
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it has none

from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.core.classify import classify
from semrouter_extproc.core.policy import Policy, Route
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on

SIZES: Final = ((14, 14), (150, 14), (1_500, 150), (15_000, 1_500))
"""Prototypes and categories."""

DIMENSIONS: Final = 384
ROUNDS: Final = 400
TARGET_US: Final = 1_000

STEPS: Final = {
    "read": "plain read",
    "rows": "product, by rows",
    "columns": "product, by columns",
    "classify": "classify",
    "choose": "choose a route",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One number of prototypes, and the seconds of each step."""

    prototypes: int
    categories: int
    steps: dict[str, Spread]


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure."""

    dimensions: int
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
    results = Results(DIMENSIONS, ROUNDS, rows, machine())
    publish("prototypes", results, markdown(results), console)
    draw(results)


def measure(prototypes: int, categories: int, progress: Progress) -> Row:
    """Time every step for so many prototypes."""
    progress.step(f"Classifying with {prototypes:,} prototypes")
    random = np.random.default_rng(prototypes)
    centroids = random_centroids(prototypes, categories, random)
    (vector,) = unit(random.normal(size=(1, DIMENSIONS)))
    seconds = take_turns(steps(centroids, vector), rounds=ROUNDS)
    return Row(prototypes, categories, {name: Spread.of(each) for name, each in seconds.items()})


def steps(centroids: Centroids, vector: NDArray[np.float32]) -> Mapping[str, Callable[[], object]]:
    """Return what is timed, by the names of `STEPS`."""
    policy = rival_routes(centroids.labels)
    classification = classify(vector, centroids)
    return {
        "read": centroids.prototypes.max,
        "rows": lambda: centroids.prototypes @ vector,
        "columns": lambda: vector @ centroids.columns,
        "classify": lambda: classify(vector, centroids),
        "choose": lambda: policy.choose(classification),
    }


def random_centroids(prototypes: int, categories: int, random: np.random.Generator) -> Centroids:
    """Return prototypes in all directions, spread evenly over the categories."""
    return Centroids(
        labels=tuple(f"category {number}" for number in range(categories)),
        prototypes=unit(random.normal(size=(prototypes, DIMENSIONS))),
        owners=np.arange(prototypes) * categories // prototypes,
        sharpness=20.0,
        temperature=0.75,
    )


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the rows at length 1."""
    rows: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(
        np.float32
    )
    return rows


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
        f"Microseconds for one prompt on one thread, with random prototypes of "
        f"{results.dimensions} dimensions in single precision: the median of {results.rounds} "
        "calls (and what the quickest tenth stayed below). The steps take turns."
    )
    meaning = (
        "*Plain read* is the largest value of all prototypes, which is bounded by memory. The "
        "*product* with one vector is all that must be done: by rows is how the artefact holds "
        "prototypes, by columns is how `classify` reads them, several columns at a time. "
        "*Classify* is the product and everything from there to a category with its "
        "probabilities, *choose a route* what the policy makes of those."
    )
    return "\n".join(
        [
            "# Classifying, by the number of prototypes",
            "",
            setup,
            "",
            f"| prototypes (categories) | size | {' | '.join(STEPS.values())} |",
            "| --- | --- |" + " --- |" * len(STEPS),
            *map(line, results.rows),
            "",
            "![](prototypes.svg)",
            "",
            meaning,
            "",
            f"Measured on {results.machine}.",
            "",
        ]
    )


def line(row: Row) -> str:
    """Return a line of the table."""
    kilobytes = row.prototypes * DIMENSIONS * np.dtype(np.float32).itemsize / 1e3
    cells = (
        f"{row.steps[name].median * 1e6:,.0f} ({row.steps[name].quick * 1e6:,.0f})"
        for name in STEPS
    )
    return (
        f"| {row.prototypes:,} ({row.categories:,}) | {kilobytes:,.0f} kB | {' | '.join(cells)} |"
    )


def draw(results: Results) -> None:
    """Write the plot: microseconds against the number of prototypes."""
    figure, (panel,) = panels(1, width=7)
    counts = [row.prototypes for row in results.rows]
    colours = dict(zip(STEPS, (LIMIT, OTHER, THIRD, OURS, "#b58900"), strict=True))
    for name, label in STEPS.items():
        times = [row.steps[name].median * 1e6 for row in results.rows]
        panel.loglog(counts, times, "o-", color=colours[name], label=label)
    panel.axhline(TARGET_US, color="black", linewidth=0.8, linestyle=":")
    panel.set_xticks(counts, [f"{count:,}" for count in counts])
    panel.set_xlabel("prototypes")
    panel.set_ylabel("microseconds for one prompt")
    panel.legend(frameon=False)
    save(figure, "prototypes")


if __name__ == "__main__":
    main()
