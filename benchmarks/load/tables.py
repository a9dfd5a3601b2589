"""Figures as Markdown."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from support.load.site import Look

_HELD: Final[Mapping[str, Callable[[Look], float]]] = {
    "memory of the router, MB": lambda look: look.router.megabytes,
    "memory of Envoy, MB": lambda look: look.envoy.megabytes,
    "threads of the router": lambda look: look.router.threads,
    "threads of Envoy": lambda look: look.envoy.threads,
    "descriptors of the router": lambda look: look.router.descriptors,
    "descriptors of Envoy": lambda look: look.envoy.descriptors,
    "streams that the router answers": lambda look: look.streams,
    "prompts that wait": lambda look: look.queue,
    "connections of clients": lambda look: look.connections,
}


def held_table(looks: Mapping[str, Look]) -> str:
    """Set what is held beside each other, a column for each look."""
    rows = [(label, *(f"{of(look):g}" for look in looks.values())) for label, of in _HELD.items()]
    return table([("", *looks), *rows])


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table; its first row is its head."""
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, "| --- " * len(rows[0]) + "|", *body])
