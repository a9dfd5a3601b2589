"""How figures are written, the same wherever people read them."""

from semrouter_extproc.workbench.scores import Interval

NONE = "-"


def percent(share: float | None) -> str:
    """Return a share as a number of per cent; the unit stands at the head of the column."""
    return NONE if share is None else f"{100 * share:.1f}"


def points(gain: float) -> str:
    """Return a difference of shares in points, with its sign."""
    return f"{100 * gain:+.2f}"


def percent_range(interval: Interval) -> str:
    """Return an interval of shares in per cent."""
    low, high = interval
    return f"{100 * low:.1f} to {100 * high:.1f}"


def points_range(interval: Interval) -> str:
    """Return an interval of differences in points."""
    low, high = interval
    return f"{100 * low:+.2f} to {100 * high:+.2f}"


def probability(p: float) -> str:
    """Return a p-value, none smaller than anybody believes."""
    return f"{p:.4f}" if p >= _SMALLEST_P else f"< {_SMALLEST_P}"


_SMALLEST_P = 0.0001
