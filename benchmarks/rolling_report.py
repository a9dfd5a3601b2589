"""The figures of `rolling.py` and their table."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from load.talking import Stream
from load.traffic import Answers

from semrouter_extproc.core.policy import Reason

_COLUMNS: Final = (
    *("while", "requests", "streams", "failed", "cut", "doubled", "undecided", "late"),
    *("p50", "p99", "longest", "stolen"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """Traffic, summed up; streams are among what is doubled, undecided or late."""

    name: str
    requests: int
    streams: int
    failed: int
    cut: int
    doubled: int
    undecided: int
    late: int
    p50_ms: float
    p99_ms: float
    longest_ms: float
    stolen: float

    @classmethod
    def of(
        cls, name: str, found: Answers, streams: Sequence[Stream], asked: int, stolen: float
    ) -> "Row":
        """Sum up what came back, how often the model was asked, and what the machine lost."""
        reasons = Counter([*found.reason, *(stream.reason for stream in streams)])
        return cls(
            name=name,
            requests=len(found),
            streams=len(streams),
            failed=found.failures,
            cut=sum(not stream.is_whole for stream in streams),
            doubled=asked - len(found) - len(streams),
            undecided=reasons[""],
            late=reasons[Reason.DEADLINE],
            p50_ms=round(found.percentile(50) * 1e3, 1),
            p99_ms=round(found.percentile(99) * 1e3, 1),
            longest_ms=round(max(found.latency) * 1e3, 1),
            stolen=round(stolen, 3),
        )


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure."""

    machine: str
    routers: int
    listeners: int
    rounds: int
    rows: list[Row]


def markdown(results: Results) -> str:
    """Return the figures as a table."""
    setup = (
        f"A real Envoy and {results.routers} routers, asked by strangers at random with MMLU-Pro "
        f"questions, every one distinct, while {results.listeners} listeners take one stream of "
        f"2.5 seconds after another. Each router was replaced {results.rounds} times, in turn: "
        "SIGTERM, the drain of the default configuration, a successor on the same ports, and once "
        "that was ready the next. Doubled are requests that reached the model more often than they "
        "were asked, undecided those that no router decided about, and late those for which a "
        "router's deadline of 250 ms was too short to encode them. Stolen is the share of its "
        "cores' time that the virtual machine did not get."
    )
    return "\n".join(
        [
            "# Rolling restarts under load",
            "",
            setup,
            "",
            f"| {' | '.join(_COLUMNS)} |",
            "| --- " * len(_COLUMNS) + "|",
            *(
                f"| {row.name} | {row.requests:,} | {row.streams:,} | {row.failed} | {row.cut} "
                f"| {row.doubled} | {row.undecided} | {row.late} | {row.p50_ms:.0f} ms "
                f"| {row.p99_ms:.0f} ms | {row.longest_ms:.0f} ms "
                f"| {row.stolen:.0%} |"
                for row in results.rows
            ),
            "",
            f"Measured on {results.machine}.",
            "",
        ]
    )
