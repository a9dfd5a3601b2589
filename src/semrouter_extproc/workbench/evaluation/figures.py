"""How figures are written, the same wherever people read them."""

from typing import Final

from semrouter_extproc.workbench.scores import Interval

NONE: Final = "-"
_SMALLEST_P: Final = 0.0001


def percent(share: float | None) -> str:
    """Return a share as a number of per cent; the unit stands at the head of the column."""
    return NONE if share is None else f"{100 * share:.1f}"


def points(gain: float) -> str:
    """Return a difference of shares in points, with its sign."""
    # Adding nothing makes a rounded -0.0 a 0.0.
    return f"{round(100 * gain, 2) + 0:+.2f}"


def percent_range(interval: Interval) -> str:
    """Return an interval of shares in per cent."""
    return " to ".join(map(percent, interval))


def points_range(interval: Interval) -> str:
    """Return an interval of differences in points."""
    return " to ".join(map(points, interval))


def probability(p: float) -> str:
    """Return a p-value, none smaller than anybody believes."""
    return f"{p:.4f}" if p >= _SMALLEST_P else f"< {_SMALLEST_P}"
