"""What Envoy and the router cost on top of the encoder: CPU, throughput, latency.

Every request is encoded: no static tier, no cache. The encoder in a tight loop, one router behind
Envoy, and two routers on ports of their own, which share the cores, take turns; callers keep them
saturated. Then strangers send requests at random, at several shares of what saturates: latency
counts from the moment at which a request was due. Everything runs on this machine, also the
generator and the model's server (another Envoy), which are not counted. Writes
`results/through_envoy.json`, `.md` and `.svg`.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from classification import machine
from load.measuring import Asker, Measured
from load.prompts import held_out
from load.stack import Page, Stack, configuration, running_stack
from load.tight_loop import Pace, tight_loop
from load.upstream import running_upstream
from results_files import publish
from rich.console import Console
from through_envoy_report import LatencyRow, Results, SaturatedRow, draw, markdown

from semrouter_extproc.config import Config
from semrouter_extproc.encoding.cores import usable_cores
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.server import load_encoder, load_rules
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
SHARES: Final = (0.1, 0.3, 0.5, 0.7, 0.9)
WARM_UP_SECONDS: Final = 3.0


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data", type=Path, help="folder that holds examples/mmlu_pro.jsonl.gz", metavar="DATA"
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=6, help="of the saturated part")
    parser.add_argument("--callers", type=int, default=32)
    arguments = parser.parse_args()
    console = Console()
    with waiting_on(console) as progress, TemporaryDirectory() as folder:
        results = run(arguments, Path(folder), progress)
    publish("through_envoy", results, markdown(results), console)
    draw(results)


@dataclass(frozen=True, slots=True)
class Round:
    """The encoder alone, and each stack, one after the other."""

    alone: Pace
    stacks: Mapping[str, Measured]


def run(arguments: argparse.Namespace, folder: Path, progress: Progress) -> Results:
    """Start everything, saturate it, then send at random."""
    texts = held_out(arguments.data)
    asker = Asker(texts)
    with ExitStack() as running:
        upstream = running.enter_context(running_upstream(folder / "upstream"))
        progress.step("Starting routers and Envoys")
        one = running_stack(upstream, folder / "one", progress, page=PAGE)
        two = running_stack(upstream, folder / "two", progress, routers=2, page=SHARED)
        stacks = {ONE: running.enter_context(one), TWO: running.enter_context(two)}
        encoder = encoder_of(configuration(upstream, PAGE))
        for stack in stacks.values():
            asker.saturate(stack, arguments.callers, WARM_UP_SECONDS)
        rounds = []
        for number in range(arguments.rounds):
            progress.step(f"Saturated, round {number + 1} of {arguments.rounds}")
            rounds.append(take_turns(asker, stacks, encoder, texts, arguments))
        saturated = [saturated_row(name, rounds) for name in stacks]
        latency = [
            row
            for saturation, stack in zip(saturated, stacks.values(), strict=True)
            for row in latency_rows(saturation, stack, asker, arguments.seconds, progress)
        ]
    return Results(
        machine=machine(),
        cores=usable_cores(),
        callers=arguments.callers,
        encoder_us=round(median(each.alone.cpu_us for each in rounds), 1),
        encoder_rate=round(median(each.alone.rate for each in rounds), 1),
        saturated=saturated,
        latency=latency,
    )


def encoder_of(config: Config) -> AnyEncoder:
    """Return the encoder that the routers have too."""
    artefact, _ = load_rules(config)
    return load_encoder(config.encoder, artefact)


def take_turns(
    asker: Asker,
    stacks: Mapping[str, Stack],
    encoder: AnyEncoder,
    texts: Sequence[str],
    arguments: argparse.Namespace,
) -> Round:
    """Measure everything once."""
    return Round(
        tight_loop(encoder, texts, arguments.seconds),
        {
            name: asker.saturate(stack, arguments.callers, arguments.seconds)
            for name, stack in stacks.items()
        },
    )


def saturated_row(name: str, rounds: Sequence[Round]) -> SaturatedRow:
    """Sum up a stack's turns, each beside the encoder's in the same round."""
    turns = [each.stacks[name] for each in rounds]
    alone = [each.alone for each in rounds]
    envoy = [turn.cpu_us("envoy") for turn in turns]
    router = [turn.cpu_us("router") for turn in turns]
    added = [a + b - each.cpu_us for a, b, each in zip(envoy, router, alone, strict=True)]
    rates = [turn.answers.rate for turn in turns]
    shares = [rate / each.rate for rate, each in zip(rates, alone, strict=True)]
    return SaturatedRow(
        name,
        envoy_us=round(median(envoy), 1),
        router_us=round(median(router), 1),
        added_us=round(median(added), 1),
        requests_a_second=round(median(rates), 1),
        share_of_encoder=round(median(shares), 3),
        resident_mb=round(turns[-1].after["router"].resident / 1e6),
        not_classified=sum(len(turn.answers) - turn.answers.classified for turn in turns),
        failures=sum(turn.answers.failures for turn in turns),
    )


def latency_rows(
    saturation: SaturatedRow, stack: Stack, asker: Asker, seconds: float, progress: Progress
) -> Iterator[LatencyRow]:
    """Measure one caller alone, then strangers."""
    progress.step(f"Latency, {saturation.name}")
    yield latency_row(saturation.name, 0.0, asker.saturate(stack, 1, seconds))
    for share in SHARES:
        progress.detail(f"{share:.0%} of saturation")
        rate = share * saturation.requests_a_second
        yield latency_row(saturation.name, share, asker.at_random(stack, rate, seconds))


def latency_row(name: str, share: float, found: Measured) -> LatencyRow:
    """Sum up one run. Share 0 is a caller who is alone."""
    answers = found.answers
    return LatencyRow(
        name,
        share,
        requests_a_second=round(answers.rate, 1),
        p50_ms=round(answers.percentile(50) * 1e3, 2),
        p99_ms=round(answers.percentile(99) * 1e3, 2),
        failures=answers.failures,
    )


if __name__ == "__main__":
    main()
