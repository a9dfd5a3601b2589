"""Configuration that changes under load, 50 times, of which 5 cannot be used; behind a real Envoy.

Strangers ask at random, first while nothing changes, then while the router's page is rewritten as
soon as the change before was taken or refused. Writes `results/reload.json` and `.md`.
"""

import argparse
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import yaml
from classification import machine
from load.measuring import Asker, Measured
from load.prompts import held_out
from load.stack import Part, Stack, running_stack
from load.upstream import running_upstream
from results_files import publish
from rich.console import Console

from semrouter_extproc.workbench.loopback import get
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on

CHANGES: Final = 50
BROKEN_EVERY: Final = 10
REQUESTS: Final = 10_000
QUIET_SECONDS: Final = 30.0
SECONDS_A_CHANGE: Final = 3.0
"""A change is looked at for a second until it is still, and loaded; this is ample."""

_TAKEN_UP_WITHIN: Final = 30.0


class Loaded(NamedTuple):
    """When a page was taken up last, and whether the last change was."""

    taken_at: float
    is_current: float


@dataclass(frozen=True, slots=True)
class Row:
    """Traffic, summed up."""

    name: str
    requests: int
    failed: int
    p50_ms: float
    p99_ms: float
    longest_ms: float
    router_mb: float

    @classmethod
    def of(cls, name: str, found: Measured) -> "Row":
        """Sum up what came back."""
        answers = found.answers
        return cls(
            name=name,
            requests=len(answers),
            failed=answers.failures,
            p50_ms=round(answers.percentile(50) * 1e3, 1),
            p99_ms=round(answers.percentile(99) * 1e3, 1),
            longest_ms=round(max(answers.latency) * 1e3, 1),
            router_mb=round(found.after["router"].resident / 1e6),
        )


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure."""

    machine: str
    taken: int
    refused: int
    rows: list[Row]


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data", type=Path, help="folder that holds examples/mmlu_pro.jsonl.gz", metavar="DATA"
    )
    arguments = parser.parse_args()
    console = Console()
    with waiting_on(console) as progress, TemporaryDirectory() as folder:
        results = run(arguments.data, Path(folder), progress)
    publish("reload", results, markdown(results), console)


def run(data: Path, folder: Path, progress: Progress) -> Results:
    """Ask, then ask while the page changes."""
    asker = Asker(held_out(data))
    seconds = CHANGES * SECONDS_A_CHANGE
    with running_upstream(folder / "upstream") as upstream:
        progress.step("Starting the router and Envoy")
        with running_stack(upstream, folder / "stack", progress) as stack:
            rate = REQUESTS / seconds
            asker.at_random(stack, rate, 3.0)
            progress.step("While nothing changes")
            quiet = asker.at_random(stack, rate, QUIET_SECONDS)
            progress.step(f"{CHANGES} changes")
            with ThreadPoolExecutor(1) as pool:
                asked = pool.submit(asker.at_random, stack, rate, seconds)
                outcomes = list(change(stack, folder / "stack" / "0" / "semrouter.yaml", progress))
                changing = asked.result()
    return Results(
        machine(),
        taken=outcomes.count(True),
        refused=outcomes.count(False),
        rows=[Row.of("nothing changes", quiet), Row.of("the page changes", changing)],
    )


def change(stack: Stack, page: Path, progress: Progress) -> Iterator[bool]:
    """Rewrite the page, again and again, and say of each change whether it was taken."""
    (router,) = stack.routers
    document = yaml.safe_load(page.read_text())
    for number in range(1, CHANGES + 1):
        before = loaded(router)
        if number % BROKEN_EVERY == 0:
            page.write_text("models: [")
        else:
            margin = 0.1 + number / 1000
            page.write_text(yaml.safe_dump(document | {"classifier": {"min_margin": margin}}))
        give_up = time.monotonic() + _TAKEN_UP_WITHIN
        while (after := loaded(router)) == before:
            if time.monotonic() > give_up:
                raise TimeoutError(f"change {number} was not taken up")
            time.sleep(0.1)
        progress.detail(f"{number} of {CHANGES}")
        yield after.is_current == 1


def loaded(router: Part) -> Loaded:
    """Ask the router's metrics."""
    lines = dict(line.rsplit(" ", 1) for line in get(router.admin, "/metrics").splitlines())
    name = "semrouter_config_last_reload_success"
    return Loaded(float(lines[f"{name}_timestamp_seconds"]), float(lines[f"{name}ful"]))


def markdown(results: Results) -> str:
    """Return the figures as a table."""
    setup = (
        "A real Envoy and one router, asked by strangers at random with MMLU-Pro questions, every "
        f"one distinct. Of {results.taken + results.refused} changes of the page, one after the "
        f"other, {results.taken} were taken up and {results.refused} refused, as they had to be."
    )
    return "\n".join(
        [
            "# Reloading under load",
            "",
            setup,
            "",
            "| while | requests | failed | p50 | p99 | longest | memory of the router |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *(
                f"| {row.name} | {row.requests:,} | {row.failed} | {row.p50_ms:.0f} ms "
                f"| {row.p99_ms:.0f} ms | {row.longest_ms:.0f} ms | {row.router_mb:.0f} MB |"
                for row in results.rows
            ),
            "",
            f"Measured on {results.machine}.",
            "",
        ]
    )


if __name__ == "__main__":
    main()
