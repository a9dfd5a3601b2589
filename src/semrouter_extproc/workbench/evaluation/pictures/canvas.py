"""How every picture looks, and the one place that needs matplotlib."""

import re
import warnings
from collections.abc import Callable, Sequence
from html import escape
from io import StringIO
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from semrouter_extproc.errors import EnvironmentProblem

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# After Okabe and Ito: told apart by people of every colour vision, and dark enough for lines.
BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#007a5a", "#a6538a"
INK, GREY, PALE = "#222222", "#767676", "#e6e6e6"

_STYLE: Final = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11.0,
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 9.5,
    "grid.color": PALE,
    "svg.fonttype": "none",
    "text.color": INK,
    # Names of categories may hold dollar signs.
    "text.parse_math": False,
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
}
_INSTALL: Final = "the page's pictures need matplotlib: pip install 'semrouter-extproc[plots]'"
_NAME_LENGTH: Final = 28
_NO_METADATA: Final = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def require_matplotlib() -> None:
    """Raise EnvironmentProblem that says what to install, unless pictures can be drawn."""
    try:
        import matplotlib.figure  # noqa: F401, PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise EnvironmentProblem(_INSTALL) from error


def picture(
    name: str, described: str, size: tuple[float, float], draw: "Callable[[Figure], None]"
) -> str:
    """Return what `draw` leaves on a figure as an `<svg>` element for a page.

    The same drawing gives the same text. `name` sets its ids apart from those of the page's
    other pictures, `described` is read to those who cannot see it; `size` is in inches.
    Raises EnvironmentProblem without matplotlib.
    """
    require_matplotlib()
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    written = StringIO()
    with mpl.rc_context(), warnings.catch_warnings():
        # It only wants to measure the text; a browser has the glyphs that its font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        # What people set for their own plots must not change these.
        mpl.rcdefaults()
        mpl.rcParams.update({**_STYLE, "svg.hashsalt": name})
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        figure.savefig(written, format="svg", metadata=_NO_METADATA)
    return _for_a_page(written.getvalue(), name, described)


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Return heights at least `gap` apart, in the order given, each near its own."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    placed = list(heights)
    for _ in heights:
        for lower, upper in pairwise(order):
            if (lacking := gap - (placed[upper] - placed[lower])) > 0:
                placed[lower] -= lacking / 2
                placed[upper] += lacking / 2
    return placed


def shortened(name: str) -> str:
    """Return a name that leaves room for the picture, with its beginning and its end."""
    half = _NAME_LENGTH // 2
    return name if len(name) <= _NAME_LENGTH else f"{name[:half]}…{name[1 - half :]}"


def _for_a_page(document: str, name: str, described: str) -> str:
    """Return the element alone, its ids made the page's own."""
    element = document[document.index("<svg") :]
    element = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", element)
    return element.replace("<svg", f'<svg role="img" aria-label="{escape(described)}"', 1)
