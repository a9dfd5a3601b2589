"""The figures of `storms.py`, and how they are shown."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from load.busyness import Busyness
from load.tables import held_table, table

from support.load.footprint import peak_megabytes
from support.load.plan import Outcome
from support.load.site import Look, Site


class Seen(NamedTuple):
    """What became of each plan, what was seen meanwhile, and how busy the machine was."""

    outcomes: Sequence[Sequence[Outcome]]
    looks: Sequence[Look]
    busy: Busyness


@dataclass(frozen=True, slots=True)
class Traffic:
    """Mixed traffic, summed up; `name` is what went on beside it."""

    name: str
    requests: int
    failed: int
    undecided: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    busy: Busyness

    @classmethod
    def of(cls, name: str, outcomes: Sequence[Outcome], busy: Busyness) -> "Traffic":
        """Sum up what became of it."""
        seconds = np.percentile([each.seconds for each in outcomes], (50, 95, 99))
        p50, p95, p99 = (round(float(each) * 1e3, 1) for each in seconds)
        failed = sum(not each.is_well for each in outcomes)
        undecided = sum(each.is_well and not each.reason for each in outcomes)
        return cls(name, len(outcomes), failed, undecided, p50, p95, p99, busy)

    @property
    def row(self) -> Sequence[str]:
        """Its row in the table."""
        latency = (f"{each:.0f} ms" for each in (self.p50_ms, self.p95_ms, self.p99_ms))
        counts = (f"{each:,}" for each in (self.requests, self.failed, self.undecided))
        return (self.name, *counts, *latency, *_shares(self.busy))


@dataclass(frozen=True, slots=True)
class Storm:
    """One storm. `statuses` count answers, 0 is none; `reasons` the router's word.

    `ended` are the seconds after which the first, half, and the last were over. The rest are the
    most that was seen, memory by the kernel and the others at looks twice a second.
    """

    requests: int
    statuses: Mapping[int, int]
    reasons: Mapping[str, int]
    failed: int
    ended: Sequence[float]
    router_mb: float
    envoy_mb: float
    connections: int
    streams: int
    queue: int
    before: Look
    after: Look
    busy: Busyness
    beside: Traffic | None

    @classmethod
    def of(cls, seen: Seen, site: Site, before: Look, beside: Traffic | None) -> "Storm":
        """Sum up one that is over, once nothing is under way."""
        outcomes, looks = seen.outcomes[0], seen.looks
        ended = np.quantile([each.ended for each in outcomes], (0, 0.5, 1))
        return cls(
            requests=len(outcomes),
            statuses=Counter(each.status for each in outcomes),
            reasons=Counter(each.reason for each in outcomes),
            failed=sum(not each.is_well for each in outcomes),
            ended=[round(float(each), 2) for each in ended],
            router_mb=peak_megabytes(site.router),
            envoy_mb=peak_megabytes(site.envoy),
            connections=max(look.connections for look in looks),
            streams=max(look.streams for look in looks),
            queue=max(look.queue for look in looks),
            before=before,
            after=site.at_rest(),
            busy=seen.busy,
            beside=beside,
        )


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure. `rate` is that of mixed traffic, a second."""

    machine: str
    rate: float
    alone: Traffic
    burst: Storm
    slow: Storm
    hasty: Storm


def markdown(results: Results) -> str:
    """Return the figures as tables, with what they mean."""
    setup = (
        "A real Envoy with one worker thread and a router, with every default, on "
        f"{results.machine}, which also has the clients and the model's stand-in. "
        "Stolen is the share of its cores' time that the virtual machine did not get, others what "
        "processes that have no part in this took of it."
    )
    parts = ["# Storms", setup, *_burst(results.burst), *_slow(results), *_hasty(results)]
    storms = {
        "the burst": results.burst,
        "slow bodies": results.slow,
        "hang-ups": results.hasty,
    }
    looks = {"at rest before": results.burst.before}
    looks |= {f"after {name}": storm.after for name, storm in storms.items()}
    parts += ["## What is left", "At rest again, before the next.", held_table(looks)]
    return "\n\n".join(parts) + "\n"


def _burst(burst: Storm) -> Sequence[str]:
    undecided = burst.requests - burst.failed - _decided(burst)
    text = (
        f"Clients connect, {burst.requests:,} in the same moment, and each asks one short chat. "
        "The router has at most 50 requests at a time (`envoy.max_streams`), and Envoy passes the "
        "others on to the default model as they are."
    )
    rows = [
        ("", "of the burst"),
        ("answered with a decision", f"{_decided(burst):,}"),
        ("answered without one", f"{undecided:,}"),
        ("failed", f"{burst.failed:,}"),
        ("until half were answered, and all", f"{burst.ended[1]:.1f} s, {burst.ended[2]:.1f} s"),
        ("memory of the router, of Envoy at most", _memory(burst)),
        ("stolen, others", ", ".join(_shares(burst.busy))),
    ]
    return ["## A burst", text, table(rows), f"{_statuses(burst)}."]


def _slow(results: Results) -> Sequence[str]:
    slow = results.slow
    text = (
        f"Clients announce a body of 100 KB, {slow.requests} of them, and send a byte a second. "
        f"Envoy waits for a body before it asks the router, which had {slow.streams} streams at "
        f"most. {_statuses(slow)}, after {slow.ended[0]:.0f} to {slow.ended[2]:.0f} s: "
        f"`request_timeout` of the bootstrap. Memory of the router and of Envoy at most: "
        f"{_memory(slow)}. {_beside(results)}"
    )
    return ["## Slow bodies", text, _traffic_table(results.alone, slow)]


def _hasty(results: Results) -> Sequence[str]:
    hasty = results.hasty
    text = (
        f"Clients send a whole short chat and hang up within 50 ms, {hasty.requests:,} of them in "
        f"{hasty.ended[2]:.0f} s. At most {hasty.streams} streams were open and {hasty.queue} "
        f"prompts waited. {_memory(hasty)} of memory at most. {_beside(results)}"
    )
    return ["## Clients that hang up", text, _traffic_table(results.alone, hasty)]


def _beside(results: Results) -> str:
    return f"Mixed traffic, {results.rate:g} requests a second for a minute, alone and beside them:"


def _traffic_table(alone: Traffic, storm: Storm) -> str:
    head = ("beside", "requests", "failed", "undecided", "p50", "p95", "p99", "stolen", "others")
    return table([head, alone.row, *([storm.beside.row] if storm.beside else [])])


def _decided(storm: Storm) -> int:
    return sum(count for reason, count in storm.reasons.items() if reason)


def _statuses(storm: Storm) -> str:
    found = (
        f"{count:,} ended with {status or 'no answer'}" for status, count in storm.statuses.items()
    )
    return ", ".join(found)


def _shares(busy: Busyness) -> Sequence[str]:
    return [f"{share:.0%}" for share in busy]


def _memory(storm: Storm) -> str:
    return f"{storm.router_mb:.0f} MB, {storm.envoy_mb:.0f} MB"
