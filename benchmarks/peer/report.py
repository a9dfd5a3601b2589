"""The figures of `peers.py`, and how they are shown."""

from dataclasses import dataclass
from typing import Final

from plots import OTHER, OURS, panels, save

OURS_PREFIX: Final = "semrouter"


@dataclass(frozen=True, slots=True)
class Row:
    """One contestant: medians of its rounds.

    `cpu_ms` is CPU milliseconds of its process per request, `resident` bytes of memory, `p50`
    and `p99` milliseconds until the answer. `accuracy` is on the first prompts of all, as many
    as every contestant answered.
    """

    name: str
    rate: float
    cpu_ms: float
    p50: float
    p99: float
    resident: int
    accuracy: float


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure. `judged` is the number of prompts that accuracy is on."""

    callers: int
    rounds: int
    seconds: float
    examples: int
    judged: int
    rows: tuple[Row, ...]
    versions: str
    machine: str


def markdown(results: Results) -> str:
    """Return the figures as a table, with what they mean."""
    setup = (
        f"{results.callers} callers, each waiting for its answer before it asks again, for "
        f"{results.rounds} rounds of {results.seconds:g} seconds in which the contestants take "
        "turns. Each is an ext_proc server of its own process, with the weights of "
        f"all-MiniLM-L6-v2 and {results.examples:,} labelled MMLU-Pro questions; what is asked are "
        "others, held out. The callers speak gRPC as Envoy does, without an Envoy, which would "
        "cost each contestant the same; they run on the same cores."
    )
    contestants = (
        "*semantic-router* is `IndexedRouter` with its `LocalEncoder`, its defaults and every "
        "example as an utterance, awaited by `acall`. *sentence-transformers* is what is quickly "
        "written: `encode` awaited in a thread per request, then the same centroids as ours; both "
        "leave threads and precision as those libraries set them. *semrouter* is `semrouter serve` "
        "without its cache, by its encoder alone and with the static tier as shipped. It reads 500 "
        "characters of a prompt, as shipped, the others up to 256 tokens."
    )
    measured = (
        f"Accuracy is of the category, on {results.judged:,} prompts that all of them answered. "
        f"Measured on {results.machine}; {results.versions}."
    )
    return "\n".join(
        [
            "# Peers",
            "",
            setup,
            "",
            "| | requests/s | CPU per request | p50 | p99 | memory | accuracy |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *map(_line, results.rows),
            "",
            *_ratios(results.rows),
            "",
            "![](peers.svg)",
            "",
            contestants,
            "",
            measured,
            "",
        ]
    )


def _line(row: Row) -> str:
    return (
        f"| {row.name} | {row.rate:.0f} | {row.cpu_ms:.1f} ms | {row.p50:.0f} ms "
        f"| {row.p99:.0f} ms | {row.resident / 1e6:.0f} MB | {row.accuracy:.1%} |"
    )


def _ratios(rows: tuple[Row, ...]) -> list[str]:
    peers = [row for row in rows if not row.name.startswith(OURS_PREFIX)]
    ours = [row for row in rows if row.name.startswith(OURS_PREFIX)]
    return [f"- {row.name}: {', '.join(_ratio(row, peer) for peer in peers)}" for row in ours]


def _ratio(row: Row, peer: Row) -> str:
    return (
        f"{row.rate / peer.rate:.1f} times the requests of {peer.name} "
        f"(for each, its CPU time divided by {peer.cpu_ms / row.cpu_ms:.1f})"
    )


def draw(results: Results) -> None:
    """Write the plot: requests a second, and CPU time for each."""
    figure, (rate, cpu) = panels(2, height=2.6)
    names = [row.name for row in results.rows]
    colours = [OURS if name.startswith(OURS_PREFIX) else OTHER for name in names]
    for panel, values, title in (
        (rate, [row.rate for row in results.rows], "requests a second"),
        (cpu, [row.cpu_ms for row in results.rows], "CPU milliseconds per request"),
    ):
        bars = panel.barh(names, values, color=colours)
        panel.bar_label(bars, fmt="%.1f", padding=3)
        panel.invert_yaxis()
        panel.set_title(title)
        panel.margins(x=0.15)
    cpu.set_yticks([])
    save(figure, "peers")
