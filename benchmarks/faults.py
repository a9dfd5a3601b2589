"""100,000 requests through a real Envoy to two routers that are harmed all the while.

Eight clients ask; one request in ten is a stream, one in fifty is 200 KB long. One trouble after
the other happens, again and again: a router is killed, both are, one is paused, slow or out of
descriptors, its encoder hangs, raises or lies, its page is broken. Each answer is compared with
what reached the model. Writes `results/faults.json` and `.md`; takes 20 minutes.

Run with `tests/` on PYTHONPATH.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from classification import machine
from faults_report import Results, Row, markdown
from load.stolen import CoreTime
from results_files import publish
from rich.console import Console

from semrouter_extproc.workbench.waiting import waiting_on
from support.fault_storm import CLIENTS, TROUBLES, Storm, running_storm

REQUESTS: Final = 100_000
ROUND: Final = 1_000
"""Requests under one trouble before the next begins."""


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=REQUESTS, help=f"default: {REQUESTS:,}")
    requests = parser.parse_args().requests
    console = Console()
    with waiting_on(console) as progress, TemporaryDirectory() as folder:
        progress.step("Asking")
        rows = {name: Row(name) for name in TROUBLES}
        began = CoreTime.now()
        with running_storm(Path(folder)) as storm:
            for number, row in enumerate(blown(storm, rows, requests), 1):
                progress.detail(f"{number * ROUND:,} of {requests:,}: {row.name}")
        stolen = CoreTime.now().stolen_since(began)
    results = Results(
        machine(), CLIENTS, round(stolen, 3), [row.figures() for row in rows.values()]
    )
    publish("faults", results, markdown(results), console)


def blown(storm: Storm, rows: dict[str, Row], requests: int) -> Iterator[Row]:
    """Ask in rounds, each under the next trouble, and yield the row that has grown."""
    for number in range(-(-requests // ROUND)):
        name = list(TROUBLES)[number % len(TROUBLES)]
        rows[name].add(storm.blow(TROUBLES[name], ROUND))
        yield rows[name]


if __name__ == "__main__":
    main()
