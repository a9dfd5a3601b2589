"""The figures of `tune.py`, as tables and as a plot."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from plots import LIMIT, OTHER, OURS, THIRD, panels, save
from tune_serving import Cost, sentence

# In the order of drawing: a router that draws by lot lies on the line of matched random.
STYLES: Final[dict[str, dict[str, Any]]] = {
    "matched random": {"color": LIMIT, "linewidth": 4, "alpha": 0.5},
    "oracle": {"color": "#b58900"},
    "true category known": {"color": THIRD},
    "nearest neighbours": {"color": OTHER},
    "router": {"color": OURS},
}
ASKED: Final = (0.515, 0.75)


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean over splits and their standard deviation."""

    mean: float
    sd: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        """Sum up figures, one of each split."""
        return cls(float(np.mean(figures)), float(np.std(figures, ddof=1)))


@dataclass(frozen=True, slots=True)
class Cell:
    """What a way to decide reached within a budget, None where it takes none.

    Shares and scores are from 0 to 1. `above_lots_ci95` is the interval of the mean over
    splits; `mean_low` the mean of the lower ends of each split's own interval.
    """

    way: str
    budget: float | None
    token_share: Spread
    over_always_on: Spread
    above_lots: Spread
    above_lots_ci95: tuple[float, float]
    mean_low: float


@dataclass(frozen=True, slots=True)
class RecordSet:
    """One model's records. `nothing_to_gain` counts the splits in which the router said so."""

    title: str
    rows: int
    always_on: float
    always_off: float
    least_token_share: float
    nothing_to_gain: int
    cells: tuple[Cell, ...]

    def of(self, way: str) -> list[Cell]:
        """Return the figures of one way, by rising budget."""
        return [cell for cell in self.cells if cell.way == way]


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure."""

    splits: int
    judged: float
    sets: tuple[RecordSet, ...]
    serving: tuple[Cost, ...]
    machine: str


def markdown(results: Results) -> str:
    """Return the tables, with what they mean."""
    setup = (
        f"Means over {results.splits} random splits of each record set, ± their standard "
        f"deviation: {1 - results.judged:.0%} of the rows are learned from, {results.judged:.0%} "
        "are judged. A budget is a share of the always-on tokens; it compiles to a price on the "
        "learning rows alone, so the share that is then reached differs a little. All gains are "
        "in points of accuracy. *Matched random* spends the same tokens that were reached, on "
        "prompts drawn by lot."
    )
    parts = ["# When to reason", "", setup, "", "![](tune.svg)", ""]
    for each in results.sets:
        parts.extend(_set(each, results.splits))
    parts += ["## Serving", "", f"{sentence(results.serving)} {results.machine}.", ""]
    return "\n".join(parts)


def _set(each: RecordSet, splits: int) -> Iterator[str]:
    yield f"## {each.title}"
    yield ""
    yield (
        f"{each.rows:,} prompts. Always on {each.always_on:.2%}, always off "
        f"{each.always_off:.2%} at {each.least_token_share:.1%} of the tokens. The router found "
        f"nothing to gain by telling prompts apart in {each.nothing_to_gain} of {splits} splits"
        + (
            ", and then draws by lot: its gain over matched random is 0 by construction."
            if each.nothing_to_gain
            else "."
        )
    )
    yield ""
    yield "| | budget | tokens reached | over always on | over matched random |"
    yield "| --- | --- | --- | --- | --- |"
    for cell in each.cells:
        if cell.budget is None or cell.budget in ASKED:
            yield (
                f"| {cell.way} | {_budget(cell)} | {_percent(cell.token_share)} | "
                f"{_points(cell.over_always_on)} | {_points(cell.above_lots)} |"
            )
    yield ""
    yield (
        "The router over matched random, with the 95 % interval of the mean over splits (rows are "
        "drawn, not splits), and the lower end of a split's own interval in the mean:"
    )
    yield ""
    yield "| budget | tokens reached | gain | interval | one split's lower end |"
    yield "| --- | --- | --- | --- | --- |"
    for cell in each.of("router"):
        low, high = cell.above_lots_ci95
        yield (
            f"| {_budget(cell)} | {_percent(cell.token_share)} | {_points(cell.above_lots)} | "
            f"{low * 100:+.2f} to {high * 100:+.2f} | {cell.mean_low * 100:+.2f} |"
        )
    yield ""


def _budget(cell: Cell) -> str:
    return "none" if cell.budget is None else f"{cell.budget:.1%}"


def _percent(spread: Spread) -> str:
    return f"{spread.mean:.1%}"


def _points(spread: Spread) -> str:
    return f"{spread.mean * 100:+.2f} ± {spread.sd * 100:.2f}"


def draw(results: Results) -> None:
    """Write the plot: for each record set, accuracy over the tokens reached."""
    figure, axes = panels(len(results.sets), width=4.6)
    for panel, each in zip(axes, results.sets, strict=True):
        _panel(panel, each)
    axes[0].set_ylabel("points of accuracy over always on")
    axes[0].legend(frameon=False, loc="lower right", fontsize=8)
    save(figure, "tune")


def _panel(panel: Axes, each: RecordSet) -> None:
    for way, style in STYLES.items():
        cells = each.of(way)
        shares = [100 * cell.token_share.mean for cell in cells]
        points = [100 * cell.over_always_on.mean for cell in cells]
        panel.plot(shares, points, "o-", markersize=3, label=way, **style)
    for cell in each.of("per-category switch"):
        place = 100 * cell.token_share.mean, 100 * cell.over_always_on.mean
        panel.plot(*place, "D", color="black", markersize=4, label=cell.way)
    panel.axhline(0, color="black", linewidth=0.8, linestyle=":")
    panel.set_title(each.title, fontsize=10)
    panel.set_xlabel("% of the always-on tokens")
