"""Two routers behind a real Envoy, replaced one after the other, 5 times each, under load.

Strangers ask at random and listeners hold streams, first while nothing changes, then while each
router in turn is told to end (SIGTERM, with the drain that is built in) and its successor is
started on the same ports. Writes `results/rolling.json` and `.md`.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from classification import machine
from load.prompts import held_out
from load.replicas import Replica, running_replicas
from load.stack import running_envoy
from load.stolen import CoreTime
from load.talking import TalkingUpstream, listening
from load.traffic import Questions, arrivals, send
from results_files import publish
from rich.console import Console
from rolling_report import Results, Row, markdown

from semrouter_extproc.config import Address
from semrouter_extproc.workbench.loopback import serving
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on

ROUNDS: Final = 5
ROUTERS: Final = 2
RATE: Final = 40.0
LISTENERS: Final = 8
QUIET_SECONDS: Final = 30.0
SECONDS_A_REPLACEMENT: Final = 15.0
"""A router drains for 5 seconds and its successor starts in some more; this is ample."""

_STREAMS_FROM: Final = 1_000_000
"""The number of the first question that is asked for a stream, beyond all others."""


class Site:
    """Routers that can be replaced, and those who ask them through Envoy meanwhile."""

    def __init__(
        self,
        replicas: Sequence[Replica],
        front: Address,
        model: TalkingUpstream,
        texts: Sequence[str],
    ) -> None:
        self.replicas = replicas
        self._front = front
        self._model = model
        self._questions = Questions(texts)

    def row(self, name: str, seconds: float, meanwhile: Callable[[], None]) -> Row:
        """Ask for so long, and do something meanwhile that must be done by then."""
        asked_before, began = len(self._model.asked), CoreTime.now()
        traffic = arrivals(RATE, self._front, self._questions, seconds)
        to_stream = self._questions.after(_STREAMS_FROM)
        with (
            listening(LISTENERS, self._front, to_stream) as streams,
            ThreadPoolExecutor(1) as pool,
        ):
            asking = pool.submit(send, traffic)
            meanwhile()
            if asking.done():
                raise RuntimeError(f"{name}: the traffic ended before")
            answers = asking.result()
        self._questions = self._questions.after(len(answers))
        asked = len(self._model.asked) - asked_before
        return Row.of(name, answers, streams, asked, CoreTime.now().stolen_since(began))

    def replace_all(self, progress: Progress) -> None:
        """Replace each router, one after the other, again and again."""
        for number in range(1, ROUNDS + 1):
            for replica in self.replicas:
                progress.detail(f"Round {number} of {ROUNDS}")
                replica.replace()


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
    publish("rolling", results, markdown(results), console)


def run(data: Path, folder: Path, progress: Progress) -> Results:
    """Ask, then ask while the routers are replaced."""
    with running_site(held_out(data), folder, progress) as site:
        progress.step("While nothing changes")
        quiet = site.row("nothing changes", QUIET_SECONDS, lambda: None)
        progress.step("While routers are replaced")
        seconds = ROUNDS * ROUTERS * SECONDS_A_REPLACEMENT
        rolling = site.row("routers are replaced", seconds, lambda: site.replace_all(progress))
    return Results(machine(), ROUTERS, LISTENERS, ROUNDS, [quiet, rolling])


@contextmanager
def running_site(texts: Sequence[str], folder: Path, progress: Progress) -> Iterator[Site]:
    """Run everything for as long as the block lasts."""
    progress.step("Starting the routers and Envoy")
    with (
        serving(TalkingUpstream()) as model,
        running_replicas(ROUTERS, model.address, folder, progress) as replicas,
        running_envoy(
            model.address, [each.address for each in replicas], folder / "envoy"
        ) as envoy,
    ):
        yield Site(replicas, envoy.address, model, texts)


if __name__ == "__main__":
    main()
