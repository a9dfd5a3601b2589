"""What is taken for what: all of it where it can be read, else the worst of it."""

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.workbench.evaluation.pictures.canvas import BLUE, INK, picture, shortened
from semrouter_extproc.workbench.evaluation.results import ClassificationReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_IN_A_MATRIX: Final = 20
_PAIRS_SHOWN: Final = 25
_DARK: Final = 0.55
_WRITTEN: Final = 0.005


def draw_confusion(report: ClassificationReport) -> str:
    """Draw the matrix of true and found categories, or of many categories the worst pairs."""
    count = len(report.categories)
    described = f"Confusions between {count} categories on {report.rows} rows"
    if count <= _MOST_IN_A_MATRIX:
        size = (3.2 + 0.4 * count, 2.2 + 0.4 * count)
        return picture("confusion", described, size, lambda figure: _draw_matrix(figure, report))
    pairs = min(_PAIRS_SHOWN, max(1, len(report.confusions)))
    size = (7.4, 1.0 + 0.24 * pairs)
    return picture("confusion", described, size, lambda figure: _draw_pairs(figure, report))


def matrix_of(report: ClassificationReport) -> NDArray[np.intp]:
    """Return the rows of each true category, `[C, C]`, by the category found."""
    at = {score.category: index for index, score in enumerate(report.categories)}
    matrix = np.diag([score.rows for score in report.categories])
    for pair in report.confusions:
        matrix[at[pair.category], at[pair.taken_for]] = pair.rows
        matrix[at[pair.category], at[pair.category]] -= pair.rows
    return matrix


def _draw_matrix(figure: "Figure", report: ClassificationReport) -> None:
    axes = figure.subplots()
    matrix = matrix_of(report)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.grid(visible=False)
    # The root shows the few that went astray beside the many that did not.
    axes.pcolormesh(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1.15, edgecolors="white")
    axes.set_aspect("equal")
    axes.invert_yaxis()
    names = [shortened(score.category) for score in report.categories]
    places = np.arange(len(names)) + 0.5
    axes.set_xticks(places, names, rotation=45, ha="right", rotation_mode="anchor")
    rows = [f"{name}  {score.rows:,}" for name, score in zip(names, report.categories, strict=True)]
    axes.set_yticks(places, rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title("Of each category and its rows, % taken for ...")
    _write_shares(axes, shares)


def _write_shares(axes: "Axes", shares: NDArray[np.float64]) -> None:
    for (row, column), share in np.ndenumerate(shares):
        if share > 0:
            written = f"{100 * share:.0f}" if share >= _WRITTEN else "·"
            colour = "white" if np.sqrt(share) > _DARK else INK
            axes.text(
                column + 0.5, row + 0.5, written, ha="center", va="center", color=colour, fontsize=8
            )


def _draw_pairs(figure: "Figure", report: ClassificationReport) -> None:
    axes = figure.subplots()
    worst = report.confusions[:_PAIRS_SHOWN][::-1]
    rows = {score.category: score.rows for score in report.categories}
    names = [f"{shortened(pair.category)} → {shortened(pair.taken_for)}" for pair in worst]
    places = range(len(worst))
    axes.barh(places, [pair.rows for pair in worst], color=BLUE, height=0.68)
    for place, pair in enumerate(worst):
        share = 100 * pair.rows / rows[pair.category]
        axes.annotate(
            f"{share:.0f} %",
            (pair.rows, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.set_yticks(places, names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.7, len(worst) - 0.3)
    axes.grid(visible=False, axis="y")
    axes.locator_params(axis="x", integer=True)
    axes.set_xlabel("Rows taken for the other, and % of their category")
