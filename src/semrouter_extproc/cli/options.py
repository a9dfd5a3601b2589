"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration, such as config/semrouter.yaml.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]
