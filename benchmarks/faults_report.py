"""The figures of `faults.py` and their table."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from semrouter_extproc.core.policy import Reason
from semrouter_extproc.testing.faults import Cell, told

_UNDECIDED: Final = ""
_FALLEN_BACK: Final = (Reason.DEADLINE, Reason.OVERLOADED, Reason.ENCODER_ERROR)
_COLUMNS: Final = ("trouble", "requests", "harmed", "routed", "fallen back", "undecided")
_TIMES: Final = ("p50", "p99", "longest")


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of the requests under one trouble."""

    name: str
    requests: int
    routed: int
    fallen_back: int
    undecided: int
    harmed: dict[str, int]
    p50_ms: float
    p99_ms: float
    longest_ms: float


@dataclass
class Row:
    """The requests under one trouble, as they come in."""

    name: str
    reasons: Counter[str] = field(default_factory=Counter)
    harmed: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def add(self, cells: Sequence[Cell]) -> None:
        """Count what came of some requests."""
        self.harmed.update(told(cell) for cell in cells if not cell.is_harmless)
        self.reasons.update(
            cell.answer.headers.get("x-semrouter-reason", _UNDECIDED) for cell in cells
        )
        self.seconds += [cell.answer.seconds for cell in cells]

    def figures(self) -> Figures:
        """Sum up."""
        p50, p99, longest = np.percentile(self.seconds or [0.0], [50, 99, 100]) * 1e3
        return Figures(
            name=self.name,
            requests=len(self.seconds),
            routed=self.reasons[Reason.ROUTED],
            fallen_back=sum(self.reasons[reason] for reason in _FALLEN_BACK),
            undecided=self.reasons[_UNDECIDED],
            harmed=dict(self.harmed),
            p50_ms=round(float(p50), 1),
            p99_ms=round(float(p99), 1),
            longest_ms=round(float(longest), 1),
        )


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure."""

    machine: str
    clients: int
    stolen: float
    rows: list[Figures]


def markdown(results: Results) -> str:
    """Return the figures as a table."""
    setup = (
        f"A real Envoy with the bootstrap of `semrouter envoy-config` (BUFFERED, fail-open, "
        f"`message_timeout` 2 s) and two routers, asked by {results.clients} clients without a "
        "pause. One trouble after the other happens, again and again, and each holds for a "
        "thousand requests at a time. Harmed are clients without a whole answer of status 200, "
        "and requests that reached the model less or more than once, or with another conversation "
        "than was sent. Fallen back are those whose prompt was not encoded in time, or not at all: "
        "the router chose without. Undecided are those that Envoy let pass by themselves. Times "
        "are from the end of the request to the head of the answer."
    )
    measured = (
        f"Measured on {results.machine}, of whose cores' time others had {results.stolen:.0%}."
    )
    harms = [f"{row.name}: {row.harmed}" for row in results.rows if row.harmed]
    return "\n".join(
        [
            "# Faults under load",
            "",
            setup,
            "",
            f"| {' | '.join((*_COLUMNS, *_TIMES))} |",
            "| --- " * (len(_COLUMNS) + len(_TIMES)) + "|",
            *map(_row, results.rows),
            _sums(results.rows),
            "",
            *harms,
            measured,
            "",
        ]
    )


def _row(row: Figures) -> str:
    times = " | ".join(f"{each:,.0f} ms" for each in (row.p50_ms, row.p99_ms, row.longest_ms))
    return (
        f"| {row.name} | {row.requests:,} | {sum(row.harmed.values())} | {row.routed:,} "
        f"| {row.fallen_back:,} | {row.undecided:,} | {times} |"
    )


def _sums(rows: Sequence[Figures]) -> str:
    counts = [
        sum(row.requests for row in rows),
        sum(sum(row.harmed.values()) for row in rows),
        sum(row.routed for row in rows),
        sum(row.fallen_back for row in rows),
        sum(row.undecided for row in rows),
    ]
    return f"| **all** | {' | '.join(f'**{each:,}**' for each in counts)} | | | |"
