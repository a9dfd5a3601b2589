"""The figures of `through_envoy.py`, and how they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from plots import LIMIT, OTHER, OURS, THIRD, panels, save

TARGET_ADDED_US: Final = 600
TARGET_P50: Final = 1.5
TARGET_P99: Final = 4.0
TARGET_LOAD: Final = 0.7


@dataclass(frozen=True, slots=True)
class SaturatedRow:
    """A stack under callers who never pause: medians over the rounds.

    `added_us` is what Envoy and router cost beyond the encoder's own CPU time, `share_of_encoder`
    the throughput beside that of the encoder alone. `not_classified` is None where nobody tries.
    """

    name: str
    envoy_us: float
    router_us: float
    added_us: float
    requests_a_second: float
    share_of_encoder: float
    resident_mb: int
    not_classified: int | None
    failures: int


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """A stack under a share of what saturates it; share 0 is one caller alone.

    Medians over the rounds; the ratios are to the p50 of the lone caller in the same round.
    """

    name: str
    share: float
    requests_a_second: float
    p50_ms: float
    p99_ms: float
    p50_ratio: float
    p99_ratio: float
    failures: int


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure. `encoder_us` is CPU per text of the encoder alone, in a tight loop."""

    machine: str
    cores: int
    callers: int
    encoder_us: float
    encoder_rate: float
    saturated: Sequence[SaturatedRow]
    latency: Sequence[LatencyRow]


def markdown(results: Results) -> str:
    """Return the figures as tables, with what they mean."""
    setup = (
        f"MMLU-Pro questions, every one distinct and every one encoded, through a real Envoy with "
        f"one worker thread, on {results.machine}. The generator and the model's server ran on the "
        "same machine and are not counted. Alone in a tight loop, in batches of like length, the "
        f"encoder takes {results.encoder_us:,.0f} us of CPU a question and does "
        f"{results.encoder_rate:,.0f} a second on {results.cores} cores."
    )
    saturated = (
        f"*Added* is the CPU of Envoy and router together beyond the encoder's own (target: at "
        f"most {TARGET_ADDED_US} us). *Beside the encoder* is the throughput divided by that of "
        "the tight loop. *The least that encodes* is a server on the same gRPC library that hands "
        "each text to the same encoder, decides nothing, and rewrites the body. Medians; parts "
        "took turns."
    )
    latency = (
        f"Target at {TARGET_LOAD:.0%} of saturation: p50 at most {TARGET_P50} times, p99 at most "
        f"{TARGET_P99:g} times the p50 of a caller alone. Each round is held against its own "
        "saturation and its own caller alone; medians over the rounds."
    )
    parts = ["# Through Envoy", setup, f"## Saturated ({results.callers} callers)", saturated]
    parts += ["\n".join(_saturated_table(results)), "## Latency, requests at random", latency]
    parts += ["\n".join(_latency_table(results)), "![](through_envoy.svg)"]
    return "\n\n".join(parts) + "\n"


def _saturated_table(results: Results) -> Sequence[str]:
    head = (
        "| | Envoy | router | added | requests/s | beside the encoder | memory of routers "
        "| not classified | failed |"
    )
    rows = [
        f"| {row.name} | {row.envoy_us:,.0f} us | {row.router_us:,.0f} us | {row.added_us:,.0f} us "
        f"| {row.requests_a_second:,.0f} | {row.share_of_encoder:.2f} | {row.resident_mb:,} MB "
        f"| {'' if row.not_classified is None else row.not_classified} | {row.failures} |"
        for row in results.saturated
    ]
    return [head, "| --- " * 9 + "|", *rows]


def _latency_table(results: Results) -> Sequence[str]:
    rows = []
    for row in results.latency:
        load = f"{row.share:.0%} of saturation" if row.share else "one caller alone"
        rows.append(
            f"| {row.name} | {load} | {row.requests_a_second:,.0f} "
            f"| {row.p50_ms:.1f} ms ({row.p50_ratio:.1f}x) "
            f"| {row.p99_ms:.1f} ms ({row.p99_ratio:.1f}x) | {row.failures} |"
        )
    return ["| | load | requests/s | p50 | p99 | failed |", "| --- " * 6 + "|", *rows]


def draw(results: Results) -> None:
    """Write the plot: CPU by part on the left, latency against load on the right."""
    figure, (cpu, latency) = panels(2)
    _draw_cpu(cpu, results)
    for row, colour in zip(results.saturated, (OURS, OTHER, THIRD), strict=True):
        _draw_latency(latency, results, row.name, colour)
    latency.axvline(TARGET_LOAD, color=LIMIT, linestyle=":")
    latency.set_xlabel("load, of saturation")
    latency.set_ylabel("latency, of the p50 without load")
    latency.xaxis.set_major_formatter("{x:.0%}")
    latency.set_yscale("log")
    latency.legend(frameon=False)
    save(figure, "through_envoy")


def _draw_cpu(panel: Axes, results: Results) -> None:
    names = ["encoder alone", *(row.name for row in results.saturated)]
    envoy = [0.0, *(row.envoy_us for row in results.saturated)]
    encoder = [results.encoder_us] * len(names)
    rest = [0.0, *(row.router_us - results.encoder_us for row in results.saturated)]
    panel.bar(names, encoder, color=LIMIT, label="encoder")
    panel.bar(names, rest, bottom=encoder, color=OURS, label="rest of the router")
    below = [sum(each) for each in zip(encoder, rest, strict=True)]
    panel.bar(names, envoy, bottom=below, color=OTHER, label="Envoy")
    panel.set_ylabel("CPU microseconds per request")
    panel.legend(frameon=False)


def _draw_latency(panel: Axes, results: Results, name: str, colour: str) -> None:
    rows = [row for row in results.latency if row.name == name and row.share]
    shares = [row.share for row in rows]
    panel.plot(shares, [row.p50_ratio for row in rows], color=colour, label=f"{name}, p50")
    panel.plot(
        shares,
        [row.p99_ratio for row in rows],
        color=colour,
        linestyle="--",
        label=f"{name}, p99",
    )
