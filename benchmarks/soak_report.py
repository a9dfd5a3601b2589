"""The figures of `soak.py` as tables and a plot."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from load.tables import held_table, table
from load.traffic import CLASSIFIED
from matplotlib.axes import Axes
from plots import OTHER, OURS, THIRD, panels, save
from soak_figures import EDGE, WARM_UP, Ended, Latency, Results

from support.load.material import MIX, Kind

_UNDECIDED: Final = ""
_BEFORE: Final = "at rest before"


def markdown(results: Results) -> str:
    """Return the figures as tables, with what they mean."""
    shares = "; ".join(f"{share:.0%} {kind.value}" for kind, share in MIX.items())
    setup = (
        f"{results.rate:.0f} requests a second for {results.minutes:g} minutes, due at random: "
        f"70 % of the {results.saturation:.0f} that were classified a second for 16 callers who "
        f"wait for their answers, in the slowest of four rounds. {shares}. A real Envoy with one "
        f"worker thread, one router with every default, on {results.machine}, which also has the "
        f"clients and the model's stand-in. {_busyness(results)}"
    )
    parts = ["# Soak", setup]
    if results.ended is None:
        last = results.samples[-1]
        parts.append(f"**Under way: {last.minute:.0f} minutes, {last.summary}.**")
        parts.append(held_table({_BEFORE: results.rest, "now": last.look}))
    else:
        parts += _ended(results, results.ended)
    return "\n\n".join([*parts, "![](soak.svg)"]) + "\n"


def _busyness(results: Results) -> str:
    stolen = max((each.stolen for each in results.samples), default=0.0)
    others = max((each.others for each in results.samples), default=0.0)
    return (
        f"Of its cores' time the virtual machine did not get at most {stolen:.0%} between two "
        f"looks, and other processes on it took at most {others:.0%}."
    )


def _ended(results: Results, ended: Ended) -> Sequence[str]:
    reasons = Counter(ended.reasons)
    classified = sum(reasons[reason] for reason in CLASSIFIED)
    fate = (
        f"Of {ended.requests:,} requests {sum(ended.failures.values())} failed"
        f"{_failures(ended)}: another status than 200, or a body or stream that was not whole. "
        f"The model was asked {ended.asked:,} times. "
        f"{classified:,} were classified, {reasons[_UNDECIDED]:,} passed Envoy without a decision, "
        f"and the others took what the ladder had in time."
    )
    told = ", ".join(f"`{reason or 'none'}` {count:,}" for reason, count in reasons.most_common())
    slope = (
        f"Memory, by least squares without the first {WARM_UP:.0%} of the time, with two "
        f"standard errors as if looks were independent: router {ended.router}, Envoy {ended.envoy}."
    )
    during = max(each.look.streams for each in results.samples)
    rest = (
        f"At rest nobody is connected and nothing is under way. At most {during} streams were open "
        "at a look."
    )
    edges = (
        f"Milliseconds to the head of the answer, by when a request was due: the first and the "
        f"last {results.minutes * EDGE:.2g} minutes."
    )
    return [
        *(fate, f"Reasons: {told}.", "## What it holds", slope, rest),
        held_table({_BEFORE: results.rest, "at rest after": ended.rest}),
        *("## Latency", edges, table(_latency_table(ended))),
    ]


def _failures(ended: Ended) -> str:
    told = ", ".join(f"{count} {which}" for which, count in ended.failures.items())
    return f" ({told})" if told else ""


def _latency_table(ended: Ended) -> Sequence[Sequence[str]]:
    head = ("", "requests", "p50 first, last", "p95 first, last", "p99 first, last")
    return [head, *(_latency_row(kind, ended) for kind in MIX)]


def _latency_row(kind: Kind, ended: Ended) -> Sequence[str]:
    none = Latency(0, 0, 0, 0)
    first, last = ended.first.get(kind.value, none), ended.last.get(kind.value, none)
    return (
        kind.value,
        f"{first.count:,}, {last.count:,}",
        f"{first.p50:.0f}, {last.p50:.0f}",
        f"{first.p95:.0f}, {last.p95:.0f}",
        f"{first.p99:.0f}, {last.p99:.0f}",
    )


def draw(results: Results) -> None:
    """Write the plot: memory on the left, latency on the right."""
    figure, (memory, latency) = panels(2)
    _draw_memory(memory, results)
    _draw_latency(latency, results)
    save(figure, "soak")


def _draw_memory(panel: Axes, results: Results) -> None:
    minutes = [each.minute for each in results.samples]
    router = [each.look.router.megabytes for each in results.samples]
    envoy = [each.look.envoy.megabytes for each in results.samples]
    panel.plot(minutes, router, color=OURS, label="router")
    panel.plot(minutes, envoy, color=OTHER, label="Envoy")
    panel.set_title("Megabytes of memory")
    panel.set_xlabel("minutes")
    panel.set_ylim(bottom=0)
    panel.legend(frameon=False)


def _draw_latency(panel: Axes, results: Results) -> None:
    for kind, colour in ((Kind.CHAT, OURS), (Kind.AGENT, OTHER), (Kind.IMAGE, THIRD)):
        seen = [each for each in results.samples if kind.value in each.latency]
        minutes = [each.minute for each in seen]
        latency = [each.latency[kind.value] for each in seen]
        panel.plot(minutes, [each.p50 for each in latency], color=colour, label=f"{kind}, p50")
        panel.plot(
            minutes, [each.p99 for each in latency], color=colour, linestyle="--", label="p99"
        )
    panel.set_title("Milliseconds to the head of the answer")
    panel.set_xlabel("minutes")
    panel.set_ylim(bottom=0)
    panel.legend(frameon=False, ncols=3)
