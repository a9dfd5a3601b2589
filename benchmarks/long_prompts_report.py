"""The figures of `long_prompts.py`, and how they are shown."""

from dataclasses import dataclass

from matplotlib.axes import Axes
from plots import LIMIT, OTHER, OURS, panels, save


@dataclass(frozen=True, slots=True)
class Wait:
    """Milliseconds until short prompts are answered, and the share that was encoded."""

    p50: float
    p99: float
    longest: float
    encoded: float


@dataclass(frozen=True, slots=True)
class Window:
    """One setting of how many characters the router reads.

    `batch` is milliseconds for encoding the text that is read of a long prompt. `costs` are CPU
    milliseconds of one request, `waits` belong to short prompts beside long ones, both by the
    long prompts' length; `alone` has no long prompts beside it.
    """

    name: str
    max_chars: int
    batch: float
    costs: tuple[float, ...]
    alone: Wait
    waits: tuple[Wait, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure. `tokens` are the lengths of the long prompts."""

    tokens: tuple[int, ...]
    windows: tuple[Window, ...]
    machine: str


def markdown(results: Results) -> str:
    """Return the figures as tables, with what they mean."""
    setup = (
        "Chat completions take their whole way inside one process, with one thread that encodes; "
        "cache and static tier are off. The router reads the head and the tail of a long prompt: "
        "500 characters as shipped. *Opened*, it reads everything, and what is encoded is bounded "
        "by the encoder's own window of 256 tokens."
    )
    waiting = (
        "Short prompts (20 tokens, one after another) while a second caller sends long ones in "
        "the same way. *May add* is what encoding one long prompt takes: a short prompt may find "
        "one such batch begun. *Encoded* are those that the router did not give up."
    )
    lengths = [f"{tokens:,}" for tokens in results.tokens]
    lines = [
        "# Long prompts",
        "",
        setup,
        "",
        "CPU milliseconds of one request, by the tokens of its prompt:",
        "",
        f"| window | {' | '.join(lengths)} |",
        "| --- " * (1 + len(lengths)) + "|",
        *(f"| {each.name} | {_cells(each.costs)} |" for each in results.windows),
        "",
        "![](long_prompts.svg)",
        "",
        waiting,
        "",
        "| window | long prompts | p50 | p99 | longest | may add | encoded |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(line for each in results.windows for line in _waits(each, lengths)),
        "",
        f"Measured on {results.machine}.",
        "",
    ]
    return "\n".join(lines)


def _cells(values: tuple[float, ...]) -> str:
    return " | ".join(f"{value:.1f} ms" for value in values)


def _waits(window: Window, lengths: list[str]) -> list[str]:
    rows = {"none": window.alone, **dict(zip(lengths, window.waits, strict=True))}
    return [
        f"| {window.name} | {length} | {_cells((wait.p50, wait.p99, wait.longest))} "
        f"| {'' if wait is window.alone else f'{window.batch:.1f} ms'} | {wait.encoded:.0%} |"
        for length, wait in rows.items()
    ]


def draw(results: Results) -> None:
    """Write the plot: what long prompts cost, and what short ones wait beside them."""
    figure, (cost, wait) = panels(2)
    for window, colour in zip(results.windows, (OURS, OTHER), strict=True):
        cost.plot(results.tokens, window.costs, "o-", color=colour, label=window.name)
        p99 = [each.p99 for each in window.waits]
        wait.plot(results.tokens, p99, "o-", color=colour, label=f"{window.name}, p99")
        bound = window.alone.p99 + window.batch
        label = f"{window.name}: alone, and one long batch"
        wait.axhline(bound, color=colour, linestyle=":", label=label)
    wait.axhline(results.windows[0].alone.p99, color=LIMIT, label="alone, p99")
    cost.set_ylabel("CPU milliseconds of one request")
    wait.set_ylabel("milliseconds until a short prompt is answered")
    for panel in (cost, wait):
        _finish(panel, results.tokens)
    save(figure, "long_prompts")


def _finish(panel: Axes, tokens: tuple[int, ...]) -> None:
    panel.set_xscale("log")
    panel.set_xticks(tokens, [f"{count:,}" for count in tokens])
    panel.minorticks_off()
    panel.set_ylim(bottom=0)
    panel.set_xlabel("tokens of the long prompt")
    panel.legend(frameon=False)
