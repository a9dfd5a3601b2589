"""Accuracy over tokens: the router between chance and hindsight."""

from typing import TYPE_CHECKING, Final

from semrouter_extproc.workbench.evaluation.pictures.canvas import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    picture,
    spread,
)
from semrouter_extproc.workbench.evaluation.results import PolicyReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE: Final = (8.2, 4.8)
_LABEL_HEIGHT: Final = 0.052
"""Of the axes' height."""


def draw_frontier(report: PolicyReport) -> str:
    """Draw the accuracy within every budget, with the router's interval."""

    def draw(figure: "Figure") -> None:
        axes = figure.subplots()
        _draw_lines(axes, report)
        _draw_points(axes, report)
        axes.set_xlabel("Tokens per prompt, % of always on")
        axes.set_ylabel("Accuracy, %")

    described = f"Accuracy over tokens on {report.rows} rows, by policy"
    return picture("frontier", described, _SIZE, draw)


def _draw_lines(axes: "Axes", report: PolicyReport) -> None:
    points = report.frontier
    budgets = [100 * point.budget for point in points]
    low, high = zip(*(point.ci95 for point in points), strict=True)
    axes.fill_between(budgets, _percent(low), _percent(high), color=BLUE, alpha=0.15, linewidth=0)
    lines = {
        "oracle": ([point.oracle for point in points], GREEN, 1.6),
        "nearest neighbours": ([point.nearest for point in points], ORANGE, 1.3),
        "router": ([point.accuracy for point in points], BLUE, 2.6),
    }
    known = [point.category_known for point in points if point.category_known is not None]
    if known:
        lines["true category known"] = (known, PURPLE, 1.3)
    for heights, colour, width in lines.values():
        axes.plot(budgets, _percent(heights), color=colour, linewidth=width)
    _draw_chance(axes, report)
    ends = {name: (100 * heights[-1], colour) for name, (heights, colour, _) in lines.items()}
    ends["random"] = (100 * report.always_on.accuracy, GREY)
    _label_ends(axes, ends)


def _draw_chance(axes: "Axes", report: PolicyReport) -> None:
    ends = (report.always_off, report.always_on)
    line = sorted(
        [(point.token_share, point.matched_random) for point in report.frontier]
        + [(end.token_share, end.accuracy) for end in ends]
    )
    tokens, heights = zip(*line, strict=True)
    axes.plot(_percent(tokens), _percent(heights), color=GREY, linewidth=1.2, linestyle=(0, (5, 3)))


def _label_ends(axes: "Axes", ends: dict[str, tuple[float, str]]) -> None:
    """Write each line's name where it ends, none over another."""
    low, high = axes.get_ylim()
    heights = spread([height for height, _ in ends.values()], _LABEL_HEIGHT * (high - low))
    for (name, (_, colour)), height in zip(ends.items(), heights, strict=True):
        axes.annotate(
            name,
            (1.0, height),
            xycoords=("axes fraction", "data"),
            xytext=(8, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            annotation_clip=False,
        )


def _draw_points(axes: "Axes", report: PolicyReport) -> None:
    marked = [
        ("always off", report.always_off, "s", INK, (9, -4), "left"),
        ("always on", report.always_on, "s", INK, (-9, -14), "right"),
        ("hand-set table", report.per_category, "D", INK, (9, -14), "left"),
        (
            f"router at {100 * report.token_share:.0f} %",
            report.router,
            "o",
            BLUE,
            (9, -14),
            "left",
        ),
    ]
    for name, policy, marker, colour, offset, side in marked:
        place = (100 * policy.token_share, 100 * policy.accuracy)
        axes.plot(*place, marker=marker, markersize=6, color=colour, linestyle="none")
        axes.annotate(
            name,
            place,
            xytext=offset,
            textcoords="offset points",
            color=colour,
            ha=side,
            bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8},
        )


def _percent(shares: "list[float] | tuple[float, ...]") -> list[float]:
    return [100 * share for share in shares]
