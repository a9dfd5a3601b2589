"""What a request costs that needs no encoder, beside the least that a processor could cost.

Every case has an Envoy of its own, with one worker thread, and callers who keep it saturated.
The cases take turns, several times over. What counts is the CPU time of the processes, not the
time that passes. Writes `results/no_encoder.json`, `.md` and `.svg`.
"""

import argparse
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from operator import truediv
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from classification import machine
from load.measuring import Measured, measure
from load.prompts import by_need_of_encoder, held_out
from load.stack import (
    MODEL,
    Page,
    Part,
    configuration,
    running_envoy,
    running_router,
    running_script,
)
from load.traffic import Questions, callers, send
from load.upstream import running_upstream
from no_encoder_report import BASELINE, CaseRow, Results, draw, markdown
from results_files import publish
from rich.console import Console

from semrouter_extproc.config import Address
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on

MINIMAL: Final = Path(__file__).with_name("minimal_ext_proc.py")
HEADERS_ONLY: Final = {
    "processing_mode": {"request_header_mode": "SEND", "response_header_mode": "SKIP"}
}
WITHOUT_CACHE: Final[Page] = {"classifier": {"cache": 0}}
REPEATED: Final = 200
WARM_UP_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked, of which processor, None for none. `ext_proc` changes Envoy's filter."""

    name: str
    questions: Questions
    processor: Part | None = None
    ext_proc: Mapping[str, Any] = field(default_factory=dict)


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data", type=Path, help="folder that holds examples/mmlu_pro.jsonl.gz", metavar="DATA"
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="of each case in each round")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--callers", type=int, default=32)
    arguments = parser.parse_args()
    console = Console()
    with waiting_on(console) as progress, TemporaryDirectory() as folder:
        results = run(arguments, Path(folder), progress)
    publish("no_encoder", results, markdown(results), console)
    draw(results)


def run(arguments: argparse.Namespace, folder: Path, progress: Progress) -> Results:
    """Start everything, let the cases take turns, and sum them up."""
    with ExitStack() as running:
        upstream = running.enter_context(running_upstream(folder / "upstream"))
        router = running.enter_context(running_router(upstream, folder / "router", progress))
        forgetful = running.enter_context(
            running_router(upstream, folder / "forgetful", progress, WITHOUT_CACHE)
        )
        minimal = running.enter_context(running_script(MINIMAL, (), folder / "minimal", progress))
        constant = running.enter_context(
            running_script(MINIMAL, ("--constant",), folder / "constant", progress)
        )
        texts = held_out(arguments.data)
        uncertain, certain = by_need_of_encoder(texts, configuration(upstream))
        anything = Questions(texts)
        cases = [
            Case("Envoy alone", anything),
            Case("a constant for the headers", anything, constant, HEADERS_ONLY),
            Case(BASELINE, anything, minimal),
            Case("router, pinned model", Questions(texts, model=MODEL), router),
            Case("router, no text", Questions([""], span=1), router),
            Case("router, cached", Questions(uncertain, span=REPEATED), router),
            Case("router, static tier", Questions(certain, span=len(certain)), forgetful),
        ]
        envoys = [
            running.enter_context(envoy_of(case, upstream, folder / f"envoy-{number}"))
            for number, case in enumerate(cases)
        ]
        rounds = [
            take_turns(number, cases, envoys, arguments, progress)
            for number in range(arguments.rounds)
        ]
    return Results(machine(), arguments.callers, arguments.seconds, rows(cases, rounds))


def envoy_of(case: Case, upstream: Address, folder: Path) -> AbstractContextManager[Part]:
    """Return an Envoy in front of the case's processor."""
    processors = [] if case.processor is None else [case.processor.address]
    return running_envoy(upstream, processors, folder, ext_proc=case.ext_proc)


def take_turns(
    number: int,
    cases: Sequence[Case],
    envoys: Sequence[Part],
    arguments: argparse.Namespace,
    progress: Progress,
) -> Mapping[str, Measured]:
    """Measure every case once; the first of them is another in every round."""
    progress.step(f"Round {number + 1} of {arguments.rounds}")
    pairs = list(zip(cases, envoys, strict=True))
    first = number % len(pairs)
    found = {}
    for case, envoy in pairs[first:] + pairs[:first]:
        progress.detail(case.name)
        parts = {"envoy": [envoy.pid]}
        if case.processor is not None:
            parts["processor"] = [case.processor.pid]
        if number == 0:
            send(callers(arguments.callers, envoy.address, case.questions, WARM_UP_SECONDS))
        traffic = callers(arguments.callers, envoy.address, case.questions, arguments.seconds)
        found[case.name] = measure(traffic, parts)
    return found


def rows(cases: Sequence[Case], rounds: Sequence[Mapping[str, Measured]]) -> Sequence[CaseRow]:
    """Sum up each case over the rounds."""

    def row(name: str) -> CaseRow:
        turns = [each[name] for each in rounds]
        beside = [each[BASELINE].cpu_us("processor") for each in rounds]
        processor = [turn.cpu_us("processor") for turn in turns]
        return CaseRow(
            name,
            envoy_us=round(median(turn.cpu_us("envoy") for turn in turns), 1),
            processor_us=round(median(processor), 1),
            ratio=round(median(map(truediv, processor, beside)), 3),
            requests_a_second=round(median(turn.answers.rate for turn in turns)),
            failures=sum(turn.answers.failures for turn in turns),
        )

    return [row(case.name) for case in cases]


if __name__ == "__main__":
    main()
