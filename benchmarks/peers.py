"""The router beside semantic-router and beside sentence-transformers awaited in threads.

All have the same weights and the same examples, answer the same questions of 32 callers, and
take turns. semantic-router is installed into an environment of its own the first time, and the
examples are encoded once: that takes minutes. Writes `results/peers.json`, `.md` and `.svg`.
"""

import argparse
import math
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from itertools import count
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import uvloop
from classification import machine
from load.stack import Page, Part, listens, running_router
from load.usage import Usage
from peer.callers import Heard, ask
from peer.environment import PINNED, semantic_router_environment
from peer.files import ARTEFACT
from peer.material import material
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
    """A running server, and what was measured of it, round by round.

    `cpu` is seconds per request, `answers` are categories by the question's number.
    """

    name: str
    part: Part
    rounds: list[Heard] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    answers: dict[int, str] = field(default_factory=dict)

    @property
    def asked(self) -> int:
        """How many questions it has answered."""
        return len(self.answers)


def main() -> None:
    """Measure every contestant and write the three files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data", type=Path, help="folder that holds examples/mmlu_pro.jsonl.gz", metavar="DATA"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="of one round")
    parser.add_argument(
        "--judge-all",
        action="store_true",
        help="then ask every question that is left, for accuracy (minutes)",
    )
    arguments = parser.parse_args()
    console = Console()
    with waiting_on(console) as progress:
        results = measure(
            arguments.data,
            arguments.rounds,
            arguments.seconds,
            progress,
            judge_all=arguments.judge_all,
        )
    publish("peers", results, markdown(results), console)
    draw(results)


def measure(
    data: Path, rounds: int, seconds: float, progress: Progress, *, judge_all: bool
) -> Results:
    """Start every contestant and let the callers ask them in turn."""
    (file,) = read_examples([data / "examples" / "mmlu_pro.jsonl.gz"])
    examples = [row for row in file.examples if not is_held_out(row.id)]
    questions = [row for row in file.examples if is_held_out(row.id)]
    # In the file they stand by category, and a short run asks only the first.
    Random(0).shuffle(questions)  # noqa: S311 - nothing secret
    folder = material(file, examples, progress)
    with ExitStack() as running, TemporaryDirectory() as scratch:
        contestants = [
            Contestant(name, running.enter_context(part))
            for name, part in starting(folder, Path(scratch), progress)
        ]
        texts = [row.text for row in questions]
        for each in contestants:
            asked(each, texts, count(), WARM_UP_SECONDS)
        for number in range(rounds):
            progress.step(f"Round {number + 1} of {rounds}")
            for each in contestants:
                progress.detail(each.name)
                play(each, texts, seconds)
        if judge_all:
            progress.step("Asking the questions that are left, for accuracy")
            for each in contestants:
                left = iter(range(each.asked, len(texts)))
                each.answers |= asked(each, texts, left).categories
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
    for name in _THREADS:
        # How a peer uses the cores is for its libraries to say.
        environment.pop(name, None)
    with reserved_ports(1) as (address,), log.open("w") as output:
        command = [str(python), str(_SCRIPT), str(address.port), kind, str(folder)]
        with guarded(command, output=output, environment=environment) as process:
            ready = partial(listens, address)
            await_ready(kind, process, ready, log=log, progress=progress, seconds=READY_WITHIN)
            yield Part(address, address, process.pid)


def play(contestant: Contestant, texts: Sequence[str], seconds: float) -> None:
    """Measure one round of a contestant, with the questions that it was not asked yet."""
    before = Usage.of([contestant.part.pid])
    heard = asked(contestant, texts, count(contestant.asked), seconds)
    after = Usage.of([contestant.part.pid])
    contestant.rounds.append(heard)
    contestant.cpu.append((after.cpu - before.cpu) / len(heard.latencies))
    contestant.answers |= heard.categories


def asked(
    contestant: Contestant, texts: Sequence[str], numbers: Iterator[int], seconds: float = math.inf
) -> Heard:
    """Let all callers ask a contestant."""
    address = contestant.part.address
    return uvloop.run(ask(address, texts, numbers, callers=CALLERS, seconds=seconds))


def judged(contestants: Sequence[Contestant], questions: Sequence[Example]) -> int:
    """Return how many of the first questions every contestant has answered."""
    return min(len(questions), *(each.asked for each in contestants))


def row(
    contestant: Contestant, contestants: Sequence[Contestant], questions: Sequence[Example]
) -> Row:
    """Sum up a contestant's rounds."""
    latencies = [np.quantile(each.latencies, (0.5, 0.99)) * 1e3 for each in contestant.rounds]
    right = [
        contestant.answers[number] == questions[number].category
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
