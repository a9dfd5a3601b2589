"""The router beside semantic-router and beside sentence-transformers awaited in threads.

All have the same weights and the same examples, answer the same questions of 32 callers, and
take turns. semantic-router is installed into an environment of its own the first time, and the
examples are encoded once: that takes minutes. Writes `results/peers.json`, `.md` and `.svg`.
"""

import argparse
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import uvloop
from classification import machine
from load.stack import Page, Part, running_router
from load.usage import Usage
from peer.callers import Heard, ask
from peer.environment import PINNED, semantic_router_environment
from peer.material import ARTEFACT, material
from peer.report import Results, Row, draw, markdown
from results_files import publish
from rich.console import Console

from semrouter_extproc.config import Address
from semrouter_extproc.workbench.examples import Example, read_examples
from semrouter_extproc.workbench.fit import is_held_out
from semrouter_extproc.workbench.loopback import reserved_ports
from semrouter_extproc.workbench.processes import await_ready, foreign_environment, guarded
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on

CALLERS: Final = 32
WARM_UP_SECONDS: Final = 2.0
READY_WITHIN: Final = 300.0

_SCRIPT: Final = Path(__file__).parent / "peer" / "server.py"
_PATH: Final = (Path(__file__).parent, Path(__file__).parents[1] / "src")
_NOWHERE: Final = Address("127.0.0.1", 9)
# Callers beyond what a contestant can serve wait here, as they do at the others.
_PATIENT: Final[Page] = {"server": {"deadline": "20s"}, "envoy": {"message_timeout": "21s"}}
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(slots=True)
class Contestant:
    """A running server, and what was measured of it, round by round."""

    name: str
    part: Part
    rounds: list[Heard] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def asked(self) -> int:
        """How many questions it has answered."""
        return sum(len(each.latencies) for each in self.rounds)

    @property
    def categories(self) -> dict[int, str]:
        """Its answers, by the question's number."""
        return {number: name for each in self.rounds for number, name in each.categories.items()}


def main() -> None:
    """Measure every contestant and write the three files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data", type=Path, help="folder that holds examples/mmlu_pro.jsonl.gz", metavar="DATA"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="of one round")
    arguments = parser.parse_args()
    for name in _THREADS:
        # How a peer uses the cores is for its libraries to say.
        os.environ.pop(name, None)
    console = Console()
    with waiting_on(console) as progress:
        results = measure(arguments.data, arguments.rounds, arguments.seconds, progress)
    publish("peers", results, markdown(results), console)
    draw(results)


def measure(data: Path, rounds: int, seconds: float, progress: Progress) -> Results:
    """Start every contestant and let the callers ask them in turn."""
    (file,) = read_examples([data / "examples" / "mmlu_pro.jsonl.gz"])
    examples = [row for row in file.examples if not is_held_out(row.id)]
    questions = [row for row in file.examples if is_held_out(row.id)]
    folder = material(file, examples, progress)
    with ExitStack() as running, TemporaryDirectory() as scratch:
        contestants = [
            Contestant(name, running.enter_context(part))
            for name, part in starting(folder, Path(scratch), progress)
        ]
        texts = [row.text for row in questions]
        for each in contestants:
            uvloop.run(asking(each, texts, WARM_UP_SECONDS))
        for number in range(rounds):
            progress.step(f"Round {number + 1} of {rounds}")
            for each in contestants:
                progress.detail(each.name)
                play(each, texts, seconds)
        return Results(
            callers=CALLERS,
            rounds=rounds,
            seconds=seconds,
            examples=len(examples),
            judged=judged(contestants, questions),
            rows=tuple(row(each, contestants, questions) for each in contestants),
            versions=f"{PINNED}, sentence-transformers=={version('sentence-transformers')}",
            machine=machine(),
        )


def starting(
    folder: Path, scratch: Path, progress: Progress
) -> Iterator[tuple[str, AbstractContextManager[Part]]]:
    """Yield every contestant's name, and what runs it."""
    theirs = semantic_router_environment(progress)
    progress.step("Starting the contestants")
    yield "semantic-router", running_peer("semantic-router", theirs, folder, scratch, progress)
    ours = Path(sys.executable)
    kind = "sentence-transformers"
    yield kind, running_peer(kind, ours, folder, scratch, progress)
    for name, tier in (("semrouter, encoder alone", False), ("semrouter", True)):
        classifier = {"centroids": str(folder / ARTEFACT), "cache": 0, "static_tier": tier}
        page = {**_PATIENT, "classifier": classifier}
        yield name, running_router(_NOWHERE, scratch / name, progress, page)


@contextmanager
def running_peer(
    kind: str, python: Path, folder: Path, scratch: Path, progress: Progress
) -> Iterator[Part]:
    """Run a peer's server."""
    log = scratch / f"{kind}.log"
    environment = foreign_environment(PYTHONPATH=os.pathsep.join(map(str, _PATH)))
    with reserved_ports(1) as (address,), log.open("w") as output:
        command = [str(python), str(_SCRIPT), str(address.port), kind, str(folder)]
        with guarded(command, output=output, environment=environment) as process:
            ready = partial(listens, address)
            await_ready(kind, process, ready, log=log, progress=progress, seconds=READY_WITHIN)
            yield Part(address, address, process.pid)


def listens(address: Address) -> bool:
    """Say whether a server accepts connections."""
    try:
        socket.create_connection(address, timeout=1.0).close()
    except OSError:
        return False
    return True


async def asking(contestant: Contestant, texts: Sequence[str], seconds: float) -> Heard:
    """Ask a contestant the questions that it was not asked yet."""
    return await ask(
        contestant.part.address,
        texts,
        first=contestant.asked,
        callers=CALLERS,
        seconds=seconds,
    )


def play(contestant: Contestant, texts: Sequence[str], seconds: float) -> None:
    """Measure one round of a contestant."""
    before = Usage.of([contestant.part.pid])
    heard = uvloop.run(asking(contestant, texts, seconds))
    after = Usage.of([contestant.part.pid])
    contestant.rounds.append(heard)
    contestant.cpu.append((after.cpu - before.cpu) / len(heard.latencies))


def judged(contestants: Sequence[Contestant], questions: Sequence[Example]) -> int:
    """Return how many of the first questions every contestant has answered."""
    return min(len(questions), *(each.asked for each in contestants))


def row(
    contestant: Contestant, contestants: Sequence[Contestant], questions: Sequence[Example]
) -> Row:
    """Sum up a contestant's rounds."""
    latencies = [np.quantile(each.latencies, (0.5, 0.99)) * 1e3 for each in contestant.rounds]
    answers = contestant.categories
    right = [
        answers[number] == questions[number].category
        for number in range(judged(contestants, questions))
    ]
    return Row(
        name=contestant.name,
        rate=median(len(each.latencies) / each.seconds for each in contestant.rounds),
        cpu_ms=median(contestant.cpu) * 1e3,
        p50=float(np.median([each[0] for each in latencies])),
        p99=float(np.median([each[1] for each in latencies])),
        resident=Usage.of([contestant.part.pid]).resident,
        accuracy=float(np.mean(right)),
    )


if __name__ == "__main__":
    main()
