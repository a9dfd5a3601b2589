"""What happens when more is asked than can be done: at 1, 2, 5 and 10 times saturation.

The questions are those that need the encoder, since the static tier is not sure about them.
First callers find out how many a second are really classified. Then strangers ask so many times
more, at random and whatever becomes of their requests: latency counts from the moment at which a
request was due. Who answers is counted rung by rung. Everything runs on this machine, also the
generator and the model's server (another Envoy), which take their part of it: the encoder gets
one core, and all else the others. Writes `results/overload.json`, `.md` and `.svg`.
"""

import argparse
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from classification import machine
from load.measuring import Asker, Measured
from load.prompts import by_need_of_encoder, held_out
from load.scrape import counted
from load.stack import Page, Stack, configuration, running_stack
from load.upstream import running_upstream
from overload_report import ENVOY, LevelRow, Results, draw, markdown
from results_files import publish
from rich.console import Console

from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on

PAGE: Final[Page] = {"encoder": {"threads": 1}}
FACTORS: Final = (1, 2, 5, 10)
GRACE: Final = 0.05
WARM_UP_SECONDS: Final = 3.0


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data", type=Path, help="folder that holds examples/mmlu_pro.jsonl.gz", metavar="DATA"
    )
    parser.add_argument("--seconds", type=float, default=15.0, help="of each level")
    parser.add_argument("--callers", type=int, default=16, help="who find out what saturates")
    arguments = parser.parse_args()
    console = Console()
    with waiting_on(console) as progress, TemporaryDirectory() as folder:
        results = run(arguments, Path(folder), progress)
    publish("overload", results, markdown(results), console)
    draw(results)


def run(arguments: argparse.Namespace, folder: Path, progress: Progress) -> Results:
    """Saturate a stack, then ask more and more of it."""
    with ExitStack() as running:
        upstream = running.enter_context(running_upstream(folder / "upstream"))
        config = configuration(upstream, PAGE)
        uncertain, _ = by_need_of_encoder(held_out(arguments.data), config)
        asker = Asker(uncertain)
        progress.step("Starting the router and Envoy")
        stack = running.enter_context(
            running_stack(upstream, folder / "stack", progress, page=PAGE)
        )
        asker.saturate(stack, arguments.callers, WARM_UP_SECONDS)
        progress.step("Finding out what saturates")
        saturated = asker.saturate(stack, arguments.callers, arguments.seconds)
        rate = saturated.answers.classified / saturated.answers.seconds
        levels = []
        for factor in FACTORS:
            progress.step(f"{factor} times as much")
            before = rungs(stack)
            found = asker.at_random(stack, factor * rate, arguments.seconds)
            taken = {rung: count - before[rung] for rung, count in rungs(stack).items()}
            levels.append(level_row(factor, found, saturated, taken, config.server.deadline))
    return Results(machine(), round(rate, 1), config.server.deadline, arguments.seconds, levels)


def rungs(stack: Stack) -> Mapping[str, float]:
    """Return how many prompts each rung of the ladder has answered."""
    (router,) = stack.routers
    return counted(router.admin, "semrouter_rungs", "rung")


def level_row(
    factor: int,
    found: Measured,
    saturated: Measured,
    taken: Mapping[str, float],
    deadline: float,
) -> LevelRow:
    """Sum up one level."""
    answers = found.answers
    in_time = sum(latency <= deadline + GRACE for latency in answers.latency)
    classified = answers.classified / answers.seconds
    encoding = found.encoding / answers.seconds
    left = encoding / (saturated.encoding / saturated.answers.seconds)
    other = found.cpu("envoy") + found.cpu("router") - found.encoding
    return LevelRow(
        factor=factor,
        offered=round(len(answers) / max(answers.due), 1),
        in_time=round(in_time / len(answers), 5),
        p50_ms=round(answers.percentile(50) * 1e3, 1),
        p99_ms=round(answers.percentile(99) * 1e3, 1),
        longest_ms=round(max(answers.latency) * 1e3, 1),
        failures=answers.failures,
        classified=round(classified, 1),
        share_left=round(left, 3),
        other_us=round(other / len(answers) * 1e6, 1),
        rungs={**{rung: round(count) for rung, count in taken.items()}, ENVOY: answers.reasons[""]},
        router_mb=round(found.after["router"].resident / 1e6),
        envoy_mb=round(found.after["envoy"].resident / 1e6),
    )


if __name__ == "__main__":
    main()
