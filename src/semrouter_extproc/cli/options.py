"""What several commands share: options, and how tables are printed."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from semrouter_extproc.encoding.encoder import AnyEncoder
    from semrouter_extproc.workbench.progress import Progress

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration, such as config/semrouter.yaml.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]

_PIPED_WIDTH = 180


def exact_encoder(name: str, progress: "Progress") -> "AnyEncoder":
    """Load the encoder that is learned and judged with.

    In full precision, whatever this machine would serve in: the same everywhere. What learns is
    imported only after it: where a library is missing, this says which extra to install.
    """
    from semrouter_extproc.encoding.cores import usable_cores
    from semrouter_extproc.encoding.torch_encoder import TorchEncoder

    progress.step("Loading the encoder")
    return TorchEncoder(name, workers=usable_cores(), precision="float32")


def table_console() -> "Console":
    """Return a console for wide tables: logs and grep want each row on one line."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH)
