"""Storms: 10,000 connections at once, bodies a byte a second, hang-ups before the answer.

Everything has its defaults. Mixed traffic goes on beside the slow bodies and beside those who hang
up, and is held against the same traffic alone. What router and Envoy hold is written down at rest
before each storm, and at rest after it. Everything runs on this machine, also the clients and the
model's stand-in. Writes `results/storms.json` and `.md`. Takes ten minutes, five of them until
Envoy gives slow bodies up.
"""

import argparse
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
from classification import machine
from load.busyness import Clock
from load.prompts import held_out
from load.watched import Watched, running_watched
from results_files import publish
from rich.console import Console
from storms_report import Results, Seen, Storm, Traffic, markdown

from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on
from support.load.footprint import forget_peak
from support.load.material import Kind
from support.load.offering import all_due, at_random, offering
from support.load.plan import Plan

BURST: Final = 10_000
SLOW: Final = 500
HASTY: Final = 2_000
HASTY_SECONDS: Final = 10.0
RATE: Final = 30.0
BESIDE_SECONDS: Final = 60.0
PATIENCE: Final = 400.0
LOOKING_SECONDS: Final = 0.5


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data", type=Path, help="folder that holds examples/mmlu_pro.jsonl.gz", metavar="DATA"
    )
    arguments = parser.parse_args()
    console = Console()
    texts = held_out(arguments.data)
    with waiting_on(console) as progress, running_watched(progress) as watched:
        results = run(Weather(watched, texts), progress)
    publish("storms", results, markdown(results), console)


def run(weather: "Weather", progress: Progress) -> Results:
    """Have one storm after the other."""
    progress.step("Mixed traffic alone")
    alone = weather.calm()
    progress.step("A burst")
    burst = weather.storm([0.0] * BURST, Kind.CHAT)
    progress.step("Slow bodies, five minutes")
    slow = weather.storm([0.0] * SLOW, Kind.TRICKLE, beside="slow bodies")
    progress.step("Clients that hang up")
    due = [number * HASTY_SECONDS / HASTY for number in range(HASTY)]
    hasty = weather.storm(due, Kind.ABANDON, beside="clients that hang up")
    return Results(machine(), RATE, alone, burst, slow, hasty)


class Weather:
    """Storms over one site; no question comes twice."""

    def __init__(self, watched: Watched, texts: Sequence[str]) -> None:
        self._watched = watched
        self._texts = texts
        self._asked = 0

    def calm(self) -> Traffic:
        """Let mixed traffic be alone, once it has warmed up everything."""
        self._have([self._mixed()])
        seen = self._have([self._mixed()])
        return Traffic.of("nothing else", seen.outcomes[0], seen.busy)

    def storm(self, due: Sequence[float], kind: Kind, *, beside: str | None = None) -> Storm:
        """Let all this come, with mixed traffic `beside` it."""
        site = self._watched.site
        before = site.at_rest()
        for pid in (site.router, site.envoy):
            forget_peak(pid)
        seen = self._have([self._storm(due, kind), *([self._mixed()] if beside else [])])
        traffic = Traffic.of(beside, seen.outcomes[1], seen.busy) if beside else None
        return Storm.of(seen, site, before, traffic)

    def _have(self, plans: Sequence[Plan]) -> Seen:
        """Follow all of them at the same time, and look on."""
        site = self._watched.site
        with ExitStack() as under_way:
            clients = [under_way.enter_context(offering(plan)) for plan in plans]
            own = [os.getpid(), *self._watched.processes, *(each.pid for each in clients)]
            clock, looks = Clock(own), [site.look()]
            while not all(each.ended(LOOKING_SECONDS) for each in clients):
                looks.append(site.look())
            # Before their ends are waited for, after which nobody knows what they took.
            busy = clock.lap()
            return Seen([each.all_outcomes() for each in clients], looks, busy)

    def _storm(self, due: Sequence[float], kind: Kind) -> Plan:
        address = self._watched.address
        plan = all_due(address, self._texts, due, [kind] * len(due), first=self._after(len(due)))
        return msgspec.structs.replace(plan, patience=PATIENCE)

    def _mixed(self) -> Plan:
        first = self._after(round(RATE * BESIDE_SECONDS))
        return at_random(self._watched.address, self._texts, RATE, BESIDE_SECONDS, first=first)

    def _after(self, count: int) -> int:
        first = self._asked
        self._asked += count
        return first


if __name__ == "__main__":
    main()
