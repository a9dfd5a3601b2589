"""How every plot looks."""

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from results_files import RESULTS

OURS, OTHER, LIMIT, THIRD = "#1f5f99", "#d1603d", "#8a8a8a", "#3f8f5f"


def panels(count: int, *, width: float = 6.0, height: float = 4.0) -> tuple[Figure, list[Axes]]:
    """Return a figure with `count` panels side by side."""
    figure = Figure(figsize=(width * count, height), layout="constrained")
    axes = list(figure.subplots(1, count, squeeze=False)[0])
    for panel in axes:
        panel.grid(color="#e5e5e5")
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save(figure: Figure, name: str) -> None:
    """Write `results/NAME.svg`: the same figures give the same file, with its text as text."""
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(RESULTS / f"{name}.svg", metadata={"Date": None})
