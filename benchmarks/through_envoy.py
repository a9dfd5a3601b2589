"""What Envoy and the router cost on top of the encoder: CPU, throughput, latency.

Every request is encoded: no static tier, no cache. In every round the encoder in a tight loop takes
its turn, then one router behind Envoy, then two routers on ports of their own, which share the
cores, then the least that a processor with the same encoder can do (`minimal_ext_proc.py`). Each is
asked by one caller alone, then by callers who keep it saturated, then by strangers at random, at
several shares of what has just saturated it: on a machine whose pace changes by the minute an
earlier figure would be another share. Latency counts from the moment at which a request was due.
Everything runs on this machine, also the generator and the model's server (another Envoy), which
are not counted. Writes `results/through_envoy.json`, `.md` and `.svg`.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from operator import truediv
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from classification import machine
from load.measuring import Asker, Measured
from load.prompts import held_out
from load.stack import Page, Stack, configuration, running_envoy, running_script, running_stack
from load.tight_loop import Pace, tight_loop
from load.traffic import Answers
from load.upstream import running_upstream
from results_files import publish
from rich.console import Console
from through_envoy_report import LatencyRow, Results, SaturatedRow, draw, markdown

from semrouter_extproc.assembly import load_edition, load_encoder
from semrouter_extproc.config import Address, Config
from semrouter_extproc.encoding.cores import usable_cores
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on

PAGE: Final[Page] = {
    "classifier": {"static_tier": False, "cache": 0},
    # What is measured is how long it takes, not what happens when it takes too long.
    "server": {"deadline": "5s"},
    "envoy": {"message_timeout": "10s"},
}
SHARED: Final[Page] = {**PAGE, "encoder": {"threads": max(usable_cores() // 2, 1)}}
ONE: Final = "one router"
TWO: Final = "two routers"
LEAST: Final = "the least that encodes"
MINIMAL: Final = Path(__file__).with_name("minimal_ext_proc.py")
SHARES: Final = (0.3, 0.5, 0.7, 0.9)
WARM_UP_SECONDS: Final = 3.0


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data", type=Path, help="folder that holds examples/mmlu_pro.jsonl.gz", metavar="DATA"
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--callers", type=int, default=32)
    arguments = parser.parse_args()
    console = Console()
    with waiting_on(console) as progress, TemporaryDirectory() as folder:
        results = run(arguments, Path(folder), progress)
    publish("through_envoy", results, markdown(results), console)
    draw(results)


@dataclass(frozen=True, slots=True)
class Turn:
    """A stack under one caller, under many, and under strangers at shares of what many got."""

    lone: Measured
    saturated: Measured
    shares: Mapping[float, Measured]


@dataclass(frozen=True, slots=True)
class Round:
    """The encoder alone, and each stack, one after the other."""

    alone: Pace
    stacks: Mapping[str, Turn]


def run(arguments: argparse.Namespace, folder: Path, progress: Progress) -> Results:
    """Start everything, then let it take turns."""
    texts = held_out(arguments.data)
    asker = Asker(texts)
    with ExitStack() as running:
        upstream = running.enter_context(running_upstream(folder / "upstream"))
        progress.step("Starting routers and Envoys")
        one = running_stack(upstream, folder / "one", progress, page=PAGE)
        two = running_stack(upstream, folder / "two", progress, routers=2, page=SHARED)
        stacks = {
            ONE: running.enter_context(one),
            TWO: running.enter_context(two),
            LEAST: running.enter_context(least_stack(upstream, folder / "least", progress)),
        }
        encoder = encoder_of(configuration(upstream, PAGE))
        for stack in stacks.values():
            asker.saturate(stack, arguments.callers, WARM_UP_SECONDS)
        rounds = []
        for number in range(arguments.rounds):
            progress.step(f"Round {number + 1} of {arguments.rounds}")
            alone = tight_loop(encoder, texts, arguments.seconds)
            turns = {name: take_turn(asker, stack, arguments) for name, stack in stacks.items()}
            rounds.append(Round(alone, turns))
    return Results(
        machine=machine(),
        cores=usable_cores(),
        callers=arguments.callers,
        encoder_us=round(median(each.alone.cpu_us for each in rounds), 1),
        encoder_rate=round(median(each.alone.rate for each in rounds), 1),
        saturated=[saturated_row(name, rounds) for name in stacks],
        latency=[row for name in stacks for row in latency_rows(name, rounds)],
    )


@contextmanager
def least_stack(upstream: Address, folder: Path, progress: Progress) -> Iterator[Stack]:
    """Run the least that encodes behind Envoy, in the router's place."""
    folder.mkdir()
    with ExitStack() as running:
        script = running_script(MINIMAL, ("--encode",), folder / "processor", progress)
        processor = running.enter_context(script)
        envoy = running_envoy(upstream, [processor.address], folder / "envoy", PAGE)
        yield Stack(running.enter_context(envoy), [processor])


def encoder_of(config: Config) -> AnyEncoder:
    """Return the encoder that the routers have too."""
    return load_encoder(config.encoder, *load_edition(config).artefacts)


def take_turn(asker: Asker, stack: Stack, arguments: argparse.Namespace) -> Turn:
    """Measure a stack once."""
    lone = asker.saturate(stack, 1, arguments.seconds)
    saturated = asker.saturate(stack, arguments.callers, arguments.seconds)
    rate = saturated.answers.rate
    shares = {share: asker.at_random(stack, share * rate, arguments.seconds) for share in SHARES}
    return Turn(lone, saturated, shares)


def saturated_row(name: str, rounds: Sequence[Round]) -> SaturatedRow:
    """Sum up a stack's turns, each beside the encoder's in the same round."""
    turns = [each.stacks[name].saturated for each in rounds]
    alone = [each.alone for each in rounds]
    envoy = [turn.cpu_us("envoy") for turn in turns]
    router = [turn.cpu_us("router") for turn in turns]
    added = [a + b - each.cpu_us for a, b, each in zip(envoy, router, alone, strict=True)]
    rates = [turn.answers.rate for turn in turns]
    unsaid = sum(len(turn.answers) - turn.answers.classified for turn in turns)
    shares = [rate / each.rate for rate, each in zip(rates, alone, strict=True)]
    return SaturatedRow(
        name,
        envoy_us=round(median(envoy), 1),
        router_us=round(median(router), 1),
        added_us=round(median(added), 1),
        requests_a_second=round(median(rates), 1),
        share_of_encoder=round(median(shares), 3),
        resident_mb=round(turns[-1].after["router"].resident / 1e6),
        not_classified=None if name == LEAST else unsaid,
        failures=sum(turn.answers.failures for turn in turns),
    )


def latency_rows(name: str, rounds: Sequence[Round]) -> Iterator[LatencyRow]:
    """Sum up how long a stack let people wait, by load; share 0 is a caller who was alone."""
    turns = [each.stacks[name] for each in rounds]
    lone = [turn.lone.answers for turn in turns]
    yield latency_row(name, 0.0, lone, lone)
    for share in SHARES:
        yield latency_row(name, share, [turn.shares[share].answers for turn in turns], lone)


def latency_row(
    name: str, share: float, found: Sequence[Answers], lone: Sequence[Answers]
) -> LatencyRow:
    """Sum up one load. Each round is held against the lone caller of the same round."""
    p50 = [answers.percentile(50) for answers in found]
    p99 = [answers.percentile(99) for answers in found]
    base = [answers.percentile(50) for answers in lone]
    return LatencyRow(
        name,
        share,
        requests_a_second=round(median(answers.rate for answers in found), 1),
        p50_ms=round(median(p50) * 1e3, 2),
        p99_ms=round(median(p99) * 1e3, 2),
        p50_ratio=round(median(map(truediv, p50, base)), 2),
        p99_ratio=round(median(map(truediv, p99, base)), 2),
        failures=sum(answers.failures for answers in found),
    )


if __name__ == "__main__":
    main()
