"""The figures of `overload.py`, and how they are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from plots import LIMIT, OTHER, OURS, THIRD, panels, save

ENVOY: Final = "envoy"
"""The rung below the router's ladder: Envoy does not ask it, and takes the default route."""

_COLOURS: Final = {
    "cache": "#7fb3d5",
    "static": THIRD,
    "encoder": OURS,
    "guess": "#e8b04a",
    "default": OTHER,
    ENVOY: LIMIT,
}


@dataclass(frozen=True, slots=True)
class LevelRow:
    """One level of load.

    `offered` and `classified` are per second, `in_time` is the share of answers within the
    deadline and 50 ms. `share_left` is the encoder's CPU time beside that at saturation;
    `other_us` is CPU of Envoy and router per request for all else. `rungs` counts requests.
    """

    factor: int
    offered: float
    in_time: float
    p50_ms: float
    p99_ms: float
    longest_ms: float
    failures: int
    classified: float
    share_left: float
    other_us: float
    rungs: Mapping[str, int]
    router_mb: int
    envoy_mb: int


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure. `saturation` is how many are classified a second at most."""

    machine: str
    saturation: float
    deadline: float
    seconds: float
    levels: Sequence[LevelRow]


def markdown(results: Results) -> str:
    """Return the figures as tables, with what they mean."""
    setup = (
        "MMLU-Pro questions that need the encoder, every one distinct, through a real Envoy with "
        f"one worker thread, on {results.machine}, {results.seconds:g} s at each level. One core "
        "encodes; Envoy, the router's event loop, the generator and the model's server share the "
        f"rest. Saturation is {results.saturation:,.0f} classified a second. An answer is in time "
        f"within the deadline of {results.deadline * 1e3:.0f} ms and 50 ms more, counted from the "
        "moment at which the request was due."
    )
    goodput = (
        "*Share left* is the CPU time that encoding still gets, beside that at saturation; what "
        "is classified should be at least that share of the saturation (*expected*). *Other CPU* "
        "is Envoy's and the router's per request, but for encoding."
    )
    ladder = (
        "Cache, static tier and encoder are trusted alike. *Guess* is the static tier where the "
        "encoder could not be had in time, *default* the default route; *Envoy* is the default "
        "route too, taken by Envoy itself when the router has as many requests as it may."
    )
    parts = ["# Overload", setup, "\n".join(_latency_table(results))]
    parts += ["## What is still classified", goodput, "\n".join(_goodput_table(results))]
    parts += ["## The ladder, requests by rung", ladder, "\n".join(_ladder_table(results))]
    return "\n\n".join([*parts, "![](overload.svg)"]) + "\n"


def _latency_table(results: Results) -> Sequence[str]:
    rows = [
        f"| {row.factor}x | {row.offered:,.0f} | {row.in_time:.3%} | {row.p50_ms:.0f} ms "
        f"| {row.p99_ms:.0f} ms | {row.longest_ms:.0f} ms | {row.failures} "
        f"| {row.router_mb} MB, {row.envoy_mb} MB |"
        for row in results.levels
    ]
    head = (
        "| load | offered/s | in time | p50 | p99 | longest | failed | memory of router, of Envoy |"
    )
    return [head, "| --- " * 8 + "|", *rows]


def _goodput_table(results: Results) -> Sequence[str]:
    rows = [
        f"| {row.factor}x | {row.classified:,.0f} | {results.saturation * row.share_left:,.0f} "
        f"| {row.share_left:.0%} | {row.other_us:,.0f} us |"
        for row in results.levels
    ]
    return [
        "| load | classified/s | expected | share left | other CPU |",
        "| --- " * 5 + "|",
        *rows,
    ]


def _ladder_table(results: Results) -> Sequence[str]:
    rows = [
        f"| {row.factor}x | "
        + " | ".join(f"{row.rungs.get(rung, 0):,}" for rung in _COLOURS)
        + " |"
        for row in results.levels
    ]
    return [f"| load | {' | '.join(_COLOURS)} |", "| --- " * (len(_COLOURS) + 1) + "|", *rows]


def draw(results: Results) -> None:
    """Write the plot: who answers on the left, how late on the right."""
    figure, (ladder, latency) = panels(2)
    _draw_ladder(ladder, results)
    _draw_latency(latency, results)
    save(figure, "overload")


def _draw_ladder(panel: Axes, results: Results) -> None:
    names = [f"{row.factor}x" for row in results.levels]
    below = [0.0] * len(names)
    for rung, colour in _COLOURS.items():
        shares = [row.rungs.get(rung, 0) / sum(row.rungs.values()) for row in results.levels]
        panel.bar(names, shares, bottom=below, color=colour, label=rung)
        below = [sum(each) for each in zip(below, shares, strict=True)]
    panel.set_title("Who answers")
    panel.set_xlabel("load, of saturation")
    panel.yaxis.set_major_formatter("{x:.0%}")
    panel.legend(frameon=False, loc="lower left")


def _draw_latency(panel: Axes, results: Results) -> None:
    names = [f"{row.factor}x" for row in results.levels]
    panel.plot(names, [row.p50_ms for row in results.levels], color=OURS, label="p50")
    panel.plot(
        names, [row.p99_ms for row in results.levels], color=OURS, linestyle="--", label="p99"
    )
    panel.plot(names, [row.longest_ms for row in results.levels], color=OTHER, label="longest")
    panel.axhline(
        results.deadline * 1e3 + 50, color=LIMIT, linestyle=":", label="deadline and 50 ms"
    )
    panel.set_title("Milliseconds until the answer")
    panel.set_xlabel("load, of saturation")
    panel.set_ylim(bottom=0)
    panel.legend(frameon=False)
