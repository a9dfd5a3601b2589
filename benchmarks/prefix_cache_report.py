"""The figures of `prefix_cache.py`, and how they are shown."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_GROUPS: Final = {
    "end": (
        "On and off differ at the end",
        "The switch is written after the last turn: what stands before it stays in the cache.",
    ),
    "history": (
        "On and off differ in the history",
        "The switch is written into earlier turns too: all after the first of them is new.",
    ),
    "start": (
        "On and off differ at the start",
        "The switch is written before the first turn: the two share next to nothing.",
    ),
}
_HEAD: Final = (
    "| family (template) | levels | first difference | never | every turn, same model "
    "| every turn, other model | one switch, same model | one switch, other model |"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many tokens there were to read, and how many of them were in the cache."""

    tokens: int
    cached: int

    @property
    def share(self) -> float:
        """The part that was in the cache, from 0 to 1."""
        return self.cached / self.tokens


def total(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the sum."""
    pairs = [(each.tokens, each.cached) for each in outcomes]
    tokens, cached = map(sum, zip(*pairs, strict=True))
    return Outcome(tokens, cached)


@dataclass(frozen=True, slots=True)
class Ways:
    """What comes of a switch on one model, and of going to another one."""

    same_model: Outcome
    other_model: Outcome


@dataclass(frozen=True, slots=True)
class Row:
    """One chat template.

    `first_difference` counts the tokens of the last turn's prompt before on and off part ways.
    `never` and `every_turn` are sums over the conversation, `one_switch` is the turn after it.
    """

    family: str
    template: str
    weak: str
    strong: str
    system_prompt: bool
    differs: str
    first_difference: int
    last_prompt: int
    never: Outcome
    every_turn: Ways
    one_switch: Ways


_MEASURES: Final[tuple[Callable[[Row], Outcome], ...]] = (
    lambda row: row.never,
    lambda row: row.every_turn.same_model,
    lambda row: row.every_turn.other_model,
    lambda row: row.one_switch.same_model,
    lambda row: row.one_switch.other_model,
)


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure. `block` is the cache's unit in tokens."""

    server: str
    block: int
    turns: int
    rows: tuple[Row, ...]


def markdown(results: Results) -> str:
    """Return the figures as tables, with what they mean."""
    lengths = [row.last_prompt for row in results.rows]
    setup = (
        f"A conversation of {results.turns} turns, {min(lengths):,} to {max(lengths):,} tokens "
        f"long at its end, under {len(results.rows)} real chat templates, on {results.server} with "
        f"prefix caching (blocks of {results.block} tokens, those of its CPU backend). Each figure "
        "is a share of prompt tokens that came from the cache."
    )
    columns = (
        "*Never* is the whole conversation without a switch, the most there is to keep. *Every "
        "turn* is the whole conversation with reasoning switched at each turn: on the same model, "
        "or by going to and fro between a model that never reasons and one that always does. *One "
        f"switch* is the prompt of turn {results.turns // 2 + 1} alone, the first after a switch."
    )
    parts = ["# Switching reasoning and the prefix cache", setup, columns, "![](prefix_cache.svg)"]
    parts += (_group(results.rows, differs) for differs in _GROUPS)
    return "\n\n".join([*filter(None, parts), "## Limits", *_LIMITS]) + "\n"


_LIMITS: Final = (
    (
        "The conversation has a system prompt (but for the templates marked *, which disobey "
        "their switch beside one), and no tools. Its answers are fixed texts without reasoning. "
        "Reasoning that clients send back and a template keeps can make prompts differ earlier."
    ),
    (
        "The model did not write these answers, so they are new tokens in every column. Its own "
        "answers may be in its cache, where a template writes them back as they were generated; "
        "in another model's cache they never are."
    ),
    (
        "All templates share one tokenizer, which knows none of their special tokens, so the "
        "lengths are not quite the families' own. gpt-oss is rendered by its own template, in "
        "place of vLLM's code for it."
    ),
)


def _group(rows: Iterable[Row], differs: str) -> str:
    members = [row for row in rows if row.differs == differs]
    if not members:
        return ""
    shares = (median(measure(row).share for row in members) for measure in _MEASURES)
    table = [
        _HEAD,
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *map(_line, members),
        f"| **median** | | | {_cells(shares)} |",
    ]
    heading, meaning = _GROUPS[differs]
    return "\n".join([f"## {heading}", "", meaning, "", *table])


def _line(row: Row) -> str:
    mark = "" if row.system_prompt else "*"
    where = f"{row.first_difference:,} of {row.last_prompt:,}"
    return (
        f"| {row.family} ({row.template}{mark}) | {row.weak}, {row.strong} | {where} "
        f"| {_cells(measure(row).share for measure in _MEASURES)} |"
    )


def _cells(shares: Iterable[float]) -> str:
    return " | ".join(f"{share:.0%}" for share in shares)


def draw(results: Results, path: Path) -> None:
    """Write the plot: a line for each template, a panel for each way to switch."""
    # The same figures give the same file, with its text as text.
    mpl.rcParams |= {"svg.hashsalt": "prefix cache", "svg.fonttype": "none"}
    rows = [row for differs in reversed(_GROUPS) for row in results.rows if row.differs == differs]
    figure = Figure(figsize=(11, 1.6 + 0.24 * len(rows)), layout="constrained")
    every_turn, one_switch = figure.subplots(1, 2, sharey=True)
    _panel(every_turn, "Whole conversation, switched every turn", [row.every_turn for row in rows])
    _panel(one_switch, "First prompt after one switch", [row.one_switch for row in rows])
    every_turn.set_yticks(range(len(rows)), [f"{row.template} ({row.differs})" for row in rows])
    figure.supxlabel("prompt tokens from the prefix cache")
    handles, labels = every_turn.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=len(labels), frameon=False)
    figure.savefig(path, metadata={"Date": None})


def _panel(panel: Axes, title: str, ways: Sequence[Ways]) -> None:
    heights = range(len(ways))
    same = [each.same_model.share for each in ways]
    other = [each.other_model.share for each in ways]
    panel.hlines(heights, other, same, color="#a9c3dc", linewidth=4, zorder=1)
    panel.scatter(other, heights, color="#d1603d", label="by going to another model", zorder=2)
    panel.scatter(same, heights, color="#1f5f99", label="on the same model", zorder=2)
    panel.set_title(title)
    panel.set_xlim(-0.03, 1)
    panel.xaxis.set_major_formatter("{x:.0%}")
    panel.grid(axis="x", color="#e5e5e5")
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.tick_params(axis="y", length=0)
