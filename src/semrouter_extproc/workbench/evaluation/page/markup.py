"""HTML by small functions. What is not markup already is escaped, wherever it came from."""

from collections.abc import Iterable, Sequence
from html import escape


class Html(str):
    """Text that is markup."""

    __slots__ = ()


def element(name: str, *children: str, **attributes: str) -> Html:
    """Return an element; a trailing underscore keeps an attribute such as `class_` apart."""
    written = "".join(f' {key.rstrip("_")}="{escape(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{written}>{joined(children)}</{name}>")


def joined(parts: Iterable[str]) -> Html:
    """Return the parts one after another."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in parts))


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """Return a table that scrolls by itself where it is too wide; its first column names rows."""
    head = element("tr", *(element("th", header, scope="col") for header in headers))
    body = (
        element("tr", element("th", first, scope="row"), *(element("td", cell) for cell in rest))
        for first, *rest in rows
    )
    whole = element("table", element("thead", head), element("tbody", *body))
    return element("div", whole, class_="wide")


def section(title: str, *children: str) -> Html:
    """Return a part of the page under its title."""
    return element("section", element("h2", title), *children)


def picture(drawn: str, caption: str) -> Html:
    """Return a picture, whose markup this project wrote, on a card of its own."""
    return element("figure", Html(drawn), element("figcaption", caption))


def bullets(points: Iterable[str]) -> Html:
    """Return a list of sentences."""
    return element("ul", *(element("li", point) for point in points))
