"""How long a router takes to serve, and what memory it takes, by backend.

Every start is a new process with a prepared encoder: from its beginning to the first success of
`/readyz`, warm-up included. Memory is what is resident then, and after requests with a body of
200 kB each. Writes `results/start.json`, `.md` and `.svg`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

import msgspec
from classification import machine
from load.stack import Page, running_envoy, running_router
from load.traffic import Questions, callers, send
from load.upstream import running_upstream
from load.usage import Usage
from plots import OTHER, OURS, panels, save
from results_files import publish
from rich.console import Console

from semrouter_extproc.encoding.local import prepared_in_cache
from semrouter_extproc.encoding.weights import DEFAULT_MODEL
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on

BACKENDS: Final = ("onnx", "torch")
MEGABYTE: Final = 1e6
LONG_TEXT: Final = "The river carries its salt to the sea, year after year. " * 3_600
SECONDS: Final = 5.0
CALLERS: Final = 8


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """A backend's starts: seconds until it serves, CPU seconds by then, megabytes."""

    backend: str
    seconds: float
    cpu_seconds: float
    resident: float
    resident_after_load: float


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """Medians of `starts` starts of each."""

    machine: str
    starts: int
    rows: Sequence[Start]


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=5, help="of each backend")
    arguments = parser.parse_args()
    console = Console()
    with waiting_on(console) as progress:
        progress.step("Preparing the encoder")
        prepared_in_cache(DEFAULT_MODEL)
        rounds = [
            [start(backend, number, progress) for backend in BACKENDS]
            for number in range(arguments.starts)
        ]
    rows = [middle(each) for each in zip(*rounds, strict=True)]
    results = Results(machine=machine(), starts=arguments.starts, rows=rows)
    publish("start", results, markdown(results), console)
    draw(results)


def start(backend: str, number: int, progress: Progress) -> Start:
    """Start a router, and let it read long bodies."""
    progress.step(f"Start {number + 1} with {backend}")
    page: Page = {
        "encoder": {"backend": backend},
        "classifier": {"cache": 0, "static_tier": False},
    }
    with TemporaryDirectory() as name, running_upstream(Path(name) / "up") as upstream:
        began = perf_counter()
        with running_router(upstream, Path(name) / "router", progress, page) as router:
            seconds = perf_counter() - began
            ready = Usage.of([router.pid])
            with running_envoy(upstream, [router.address], Path(name) / "envoy") as envoy:
                send(callers(CALLERS, envoy.address, Questions([LONG_TEXT]), SECONDS))
            after = Usage.of([router.pid])
    return Start(
        backend=backend,
        seconds=seconds,
        cpu_seconds=ready.cpu,
        resident=ready.resident / MEGABYTE,
        resident_after_load=after.resident / MEGABYTE,
    )


def middle(starts: Sequence[Start]) -> Start:
    """Return the medians."""
    return Start(
        backend=starts[0].backend,
        seconds=round(median(each.seconds for each in starts), 2),
        cpu_seconds=round(median(each.cpu_seconds for each in starts), 2),
        resident=round(median(each.resident for each in starts)),
        resident_after_load=round(median(each.resident_after_load for each in starts)),
    )


def markdown(results: Results) -> str:
    """Return the figures as a table."""
    setup = (
        "From the start of the process until it serves, warmed up, with a prepared encoder, by "
        f"backend; medians of {results.starts} starts. Memory is resident: when ready, and after "
        f"{SECONDS:g} seconds in which {CALLERS} callers sent prompts of 200 kB. It includes the "
        "10 MB of the process that ends the router with the benchmark."
    )
    return "\n".join(
        [
            "# Starting",
            "",
            setup,
            "",
            "| backend | ready after | CPU by then | memory | after load |",
            "| --- | --- | --- | --- | --- |",
            *(
                f"| {row.backend} | {row.seconds:.1f} s | {row.cpu_seconds:.1f} s "
                f"| {row.resident:.0f} MB | {row.resident_after_load:.0f} MB |"
                for row in results.rows
            ),
            "",
            "![](start.svg)",
            "",
            f"Measured on {results.machine}.",
            "",
        ]
    )


def draw(results: Results) -> None:
    """Write the plot: seconds and megabytes."""
    figure, (left, right) = panels(2, width=4.0, height=2.6)
    names = [row.backend for row in results.rows]
    colours = [OURS, OTHER]
    left.bar(names, [row.seconds for row in results.rows], color=colours)
    left.set_ylabel("seconds until it serves")
    right.bar(names, [row.resident_after_load for row in results.rows], color=colours)
    right.set_ylabel("megabytes after load")
    save(figure, "start")


if __name__ == "__main__":
    main()
