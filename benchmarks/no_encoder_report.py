"""The figures of `no_encoder.py`, and how they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from plots import OTHER, OURS, panels, save

BASELINE: Final = "minimal processor"

TARGET: Final = 1.15
"""What the router may cost, beside the minimal processor."""


@dataclass(frozen=True, slots=True)
class CaseRow:
    """Medians over the rounds. `ratio` is the processor's CPU over that of the baseline."""

    name: str
    envoy_us: float
    processor_us: float
    ratio: float
    requests_a_second: int
    failures: int


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure."""

    machine: str
    callers: int
    seconds: float
    rows: Sequence[CaseRow]


def markdown(results: Results) -> str:
    """Return the figures as a table, with what they mean."""
    setup = (
        f"CPU time per request at saturation ({results.callers} callers) through a real Envoy with "
        f"one worker thread, on {results.machine}. The cases took turns; medians."
    )
    table = [
        f"| case | Envoy | processor | beside the {BASELINE} | requests/s | failed |",
        "| --- | --- | --- | --- | --- | --- |",
        *map(_line, results.rows),
    ]
    meaning = (
        f"The {BASELINE} reads the same body, writes two members and sends it on, on the same "
        "gRPC library and event loop; it decides, counts and checks nothing. The constant is the "
        "floor: one message answered unread, for a body that Envoy does not show. *No text* goes "
        "all the way to a rewritten body, but for a classification. The router's target is "
        f"{TARGET} times the {BASELINE}."
    )
    parts = ["# Requests that need no encoder", setup, "\n".join(table), meaning]
    return "\n\n".join([*parts, "![](no_encoder.svg)"]) + "\n"


def _line(row: CaseRow) -> str:
    return (
        f"| {row.name} | {row.envoy_us:.0f} us | {row.processor_us:.0f} us | {row.ratio:.2f} "
        f"| {row.requests_a_second:,} | {row.failures} |"
    )


def draw(results: Results) -> None:
    """Write the plot: a bar for each case."""
    figure, (panel,) = panels(1, width=9.0, height=0.6 + 0.5 * len(results.rows))
    names = [row.name for row in results.rows]
    envoy = [row.envoy_us for row in results.rows]
    panel.barh(names, envoy, color=OTHER, label="Envoy")
    panel.barh(
        names,
        [row.processor_us for row in results.rows],
        left=envoy,
        color=OURS,
        label="external processor",
    )
    panel.invert_yaxis()
    panel.set_xlabel("CPU microseconds per request")
    panel.legend(frameon=False)
    save(figure, "no_encoder")
