"""The short form of the benchmarks: every target in one table, in less than ten minutes.

Runs each script with little time for it and leaves `results/` alone. The figures are rough: what
is quoted comes from the long forms, which `benchmarks/README.md` lists.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from semrouter_extproc.workbench.fit import MOST_LANDMARKS
from semrouter_extproc.workbench.processes import foreign_environment, run
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on

HERE: Final = Path(__file__).parent

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked for, what was measured, and whether that is it."""

    name: str
    measured: float
    bound: float
    is_most: bool = True

    @property
    def is_met(self) -> bool:
        """Say whether the figure is on the right side of its bound."""
        return self.measured <= self.bound if self.is_most else self.measured >= self.bound


@dataclass(frozen=True, slots=True)
class Script:
    """A benchmark, its options for a short run, and how its figures are read."""

    name: str
    options: Sequence[str]
    targets: Callable[[Figures], Iterable[Target]]
    reads_data: bool = True


def main() -> None:
    """Run all, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds examples/", metavar="DATA")
    arguments = parser.parse_args()
    console = Console()
    table = Table("Target", box=None)
    for title in ("Bound", "Measured", ""):
        table.add_column(title, justify="right")
    with waiting_on(console) as progress, TemporaryDirectory() as folder:
        for script in SCRIPTS:
            progress.step(f"Running {script.name}.py")
            for target in script.targets(measured(script, arguments.data, Path(folder), progress)):
                table.add_row(*cells(target))
    console.print(table)


def measured(script: Script, data: Path, folder: Path, progress: Progress) -> Figures:
    """Run a script and return the figures that it left."""
    arguments = [str(data.resolve())] if script.reads_data else []
    run(
        [sys.executable, HERE / f"{script.name}.py", *arguments, *script.options],
        progress=progress,
        failure=f"{script.name}.py failed",
        environment=foreign_environment(BENCH_RESULTS=str(folder)),
    )
    figures: Figures = msgspec.json.decode((folder / f"{script.name}.json").read_bytes())
    return figures


def cells(target: Target) -> Iterator[str]:
    """Yield a row of the table."""
    yield target.name
    yield f"{'≤' if target.is_most else '≥'} {target.bound:g}"
    yield f"{target.measured:.3g}"
    yield "[green]✓[/]" if target.is_met else "[red]missed[/]"


def encoders(figures: Figures) -> Iterator[Target]:
    """Read `encoders.json`."""
    rows = {row["name"]: row for row in figures["rows"]}
    fast, exact = rows["ONNX Runtime, int8"], rows["torch, float32"]
    yield Target("encoder: CPU beside sentence-transformers", fast["ratio"], 0.25)
    yield Target("encoder: cosine to float32", fast["cosine"], 0.99, is_most=False)
    lost = exact["accuracy"] - fast["accuracy"]
    yield Target("encoder: points of accuracy lost", 100 * lost, 0.3)


def through_envoy(figures: Figures) -> Iterator[Target]:
    """Read `through_envoy.json`."""
    one = figures["saturated"][0]
    yield Target("through Envoy: microseconds added to the encoder's", one["added_us"], 600)
    rows = [row for row in figures["latency"] if row["name"] == one["name"]]
    busy = next(row for row in rows if row["share"] == BUSY)
    yield Target("through Envoy: p50 at 70 % beside unloaded", busy["p50_ratio"], 1.5)
    yield Target("through Envoy: p99 at 70 % beside unloaded p50", busy["p99_ratio"], 4.0)


def no_encoder(figures: Figures) -> Iterator[Target]:
    """Read `no_encoder.json`."""
    for row in figures["rows"]:
        if row["name"].startswith("router"):
            yield Target(f"{row['name']}: CPU beside a minimal processor", row["ratio"], 1.15)


def overload(figures: Figures) -> Iterator[Target]:
    """Read `overload.json`."""
    for level in figures["levels"]:
        late = 100 * (1 - level["in_time"])
        yield Target(f"overload, {level['factor']}x saturation: % late", late, 0.0)


def landmarks(figures: Figures) -> Iterator[Target]:
    """Read `landmarks.json`."""
    for row in figures["rows"]:
        if row["landmarks"] >= MOST_LANDMARKS:
            size = f"{row['landmarks']:,} landmarks, {row['categories']:,} categories"
            taken = row["steps"]["classify"]["median"] * 1e6
            yield Target(f"{size}: microseconds to classify", taken, 1000)


def start(figures: Figures) -> Iterator[Target]:
    """Read `start.json`."""
    onnx, torch = figures["rows"]
    yield Target("start: seconds until it serves", onnx["seconds"], 5)
    yield Target("memory, onnx: MB", onnx["resident_after_load"], 500)
    yield Target("memory, torch: MB", torch["resident_after_load"], 1000)


BUSY: Final = 0.7
SCRIPTS: Final = (
    Script("encoders", ("--every", "8"), encoders),
    Script("no_encoder", ("--rounds", "3", "--seconds", "1"), no_encoder),
    Script("through_envoy", ("--seconds", "3", "--rounds", "3"), through_envoy),
    Script("overload", ("--seconds", "5"), overload),
    Script("landmarks", (), landmarks, reads_data=False),
    Script("start", ("--starts", "1"), start, reads_data=False),
)


if __name__ == "__main__":
    main()
