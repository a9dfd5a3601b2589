"""What several commands share: options, and how tables are printed."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration, such as config/semrouter.yaml.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]

_PIPED_WIDTH = 180


def table_console() -> "Console":
    """Return a console for wide tables: logs and grep want each row on one line."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH)
