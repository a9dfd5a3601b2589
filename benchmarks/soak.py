"""An hour of mixed traffic at 70 % of saturation: what grows, what leaks, what becomes slower.

Short chats, agents with 200 KB of history, images, streams read whole and streams whose client
hangs up half-way go through a real Envoy to a router with every default. First callers who wait for
their answers find out how many a second are really classified; then strangers ask 70 % of that, at
random and whatever becomes of their requests. Router and Envoy are looked at from outside, sixty
times, and at rest before and after. Everything runs on this machine, also the clients and the
model's stand-in. Writes `results/soak.json`, `.md` and `.svg`, anew with every look.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Final

from classification import machine
from load.busyness import Clock
from load.prompts import held_out
from load.watched import Watched, running_watched, saturation
from results_files import publish
from rich.console import Console
from rich.progress import Progress
from soak_figures import Results, Sample
from soak_report import draw, markdown

from semrouter_extproc.workbench.waiting import waiting_on
from support.load.offering import Offering, at_random, offering

SHARE: Final = 0.7
LOOKS: Final = 60
FIRST: Final = 100_000
"""The number of the first question, beyond those that were asked to find out what saturates."""


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data", type=Path, help="folder that holds examples/mmlu_pro.jsonl.gz", metavar="DATA"
    )
    parser.add_argument("--minutes", type=float, default=60.0)
    arguments = parser.parse_args()
    console = Console()
    texts = held_out(arguments.data)
    with ExitStack() as running:
        with waiting_on(console) as waiting:
            watched = running.enter_context(running_watched(waiting))
            waiting.step("Finding out what saturates")
            most = saturation(watched, texts)
        results = soak(watched, texts, most, arguments.minutes * 60, console)
    publish("soak", results, markdown(results), console)
    draw(results)


def soak(
    watched: Watched, texts: Sequence[str], most: float, seconds: float, console: Console
) -> Results:
    """Let strangers ask for so long, and write down what is seen as it is seen."""
    rate = round(SHARE * most, 1)
    results = Results(machine(), seconds / 60, round(most, 1), rate, watched.site.at_rest())
    asked = watched.upstream.asked()
    plan = at_random(watched.address, texts, rate, seconds, first=FIRST)
    with offering(plan) as clients, Progress(console=console) as progress:
        bar = progress.add_task("Soaking", total=seconds)
        for sample in samples(watched, clients, seconds):
            progress.update(bar, completed=sample.minute * 60, description=sample.summary)
            results = replace(results, samples=[*results.samples, sample])
            publish("soak", results, markdown(results), Console(quiet=True))
            draw(results)
        outcomes = clients.all_outcomes()
    asked = watched.upstream.asked() - asked
    return results.over(outcomes, asked=asked, rest=watched.site.at_rest())


def samples(watched: Watched, clients: Offering, seconds: float) -> Iterator[Sample]:
    """Look at equal intervals until the last answer."""
    clock = Clock([*watched.processes, clients.pid, os.getpid()])
    began, seen = monotonic(), 0
    for number in count(1):
        if clients.ended(began + number * seconds / LOOKS - monotonic()):
            return
        outcomes, look = clients.outcomes[seen:], watched.site.look()
        seen += len(outcomes)
        yield Sample.of((monotonic() - began) / 60, look, outcomes, clock.lap())


if __name__ == "__main__":
    main()
