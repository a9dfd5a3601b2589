"""Whether confidence means what it says."""

from typing import TYPE_CHECKING, Final

from semrouter_extproc.workbench.evaluation.pictures.canvas import BLUE, GREY, picture
from semrouter_extproc.workbench.evaluation.results import ClassificationReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE: Final = (5.4, 5.2)


def draw_reliability(report: ClassificationReport) -> str:
    """Draw accuracy over confidence with intervals, and how many rows are how sure."""

    def draw(figure: "Figure") -> None:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        _draw_accuracy(above, report)
        _draw_rows(below, report)

    described = f"Accuracy over confidence on {report.rows} rows, in bins"
    return picture("reliability", described, _SIZE, draw)


def _draw_accuracy(axes: "Axes", report: ClassificationReport) -> None:
    axes.plot([0, 100], [0, 100], color=GREY, linewidth=1.2, linestyle=(0, (5, 3)))
    axes.annotate(
        "as sure as right",
        (2, 2),
        xytext=(8, -6),
        textcoords="offset points",
        color=GREY,
        rotation=38,
        rotation_mode="anchor",
    )
    bins = report.reliability
    heights = [100 * each.accuracy for each in bins]
    axes.errorbar(
        [100 * each.confidence for each in bins],
        heights,
        # The interval of a bin in which all or none are right begins at that very accuracy.
        yerr=[
            [max(0.0, 100 * (each.accuracy - each.ci95[0])) for each in bins],
            [max(0.0, 100 * (each.ci95[1] - each.accuracy)) for each in bins],
        ],
        color=BLUE,
        marker="o",
        markersize=5,
        linewidth=1.8,
        elinewidth=1.2,
        capsize=2.5,
    )
    axes.set_ylim(-2, 102)
    axes.set_ylabel("Right, %")


def _draw_rows(axes: "Axes", report: ClassificationReport) -> None:
    bins = report.reliability
    axes.bar(
        [100 * each.confidence for each in bins],
        [100 * each.rows / report.rows for each in bins],
        width=4.5,
        color=BLUE,
        alpha=0.55,
    )
    axes.set_xlim(-2, 102)
    axes.set_ylabel("Rows, %")
    axes.set_xlabel("Confidence, %")
