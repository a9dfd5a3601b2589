"""Where reasoning pays, and whether the router finds it: category by category."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from semrouter_extproc.workbench.evaluation.pictures.canvas import (
    BLUE,
    GREY,
    INK,
    picture,
    shortened,
)
from semrouter_extproc.workbench.evaluation.results import CategoryGain, PolicyReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_SHOWN: Final = 40


def draw_gains(report: PolicyReport) -> str:
    """Draw each of the largest categories: its arms, the router, its gain above chance."""
    shown = sorted(
        report.categories[:MOST_SHOWN], key=lambda each: each.always_on - each.always_off
    )

    def draw(figure: "Figure") -> None:
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(5, 4))
        _draw_arms(left, shown)
        _draw_gain(right, shown)

    described = f"Accuracy and gain above chance in {len(shown)} categories"
    return picture("gains", described, (8.2, 1.4 + 0.24 * len(shown)), draw)


def _draw_arms(axes: "Axes", shown: Sequence[CategoryGain]) -> None:
    places = range(len(shown))
    off = [100 * each.always_off for each in shown]
    on = [100 * each.always_on for each in shown]
    axes.hlines(places, off, on, color=GREY, linewidth=1.2)
    axes.plot(off, places, "o", color=GREY, markerfacecolor="white", markersize=6, label="off")
    axes.plot(on, places, "o", color=GREY, markersize=6, label="on")
    router = [100 * each.router for each in shown]
    axes.plot(router, places, "D", color=BLUE, markersize=5, label="router")
    axes.set_yticks(places, [f"{shortened(each.category)}  {each.rows:,}" for each in shown])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.7, len(shown) - 0.3)
    axes.set_xlabel("Accuracy, %")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, handletextpad=0.2)


def _draw_gain(axes: "Axes", shown: Sequence[CategoryGain]) -> None:
    axes.axvline(0, color=INK, linewidth=0.9)
    for place, each in enumerate(shown):
        low, high = each.gain_ci95
        axes.hlines(place, 100 * low, 100 * high, color=BLUE, linewidth=1.6)
        axes.plot(100 * each.gain, place, "D", color=BLUE, markersize=5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("Above matched random, points")
