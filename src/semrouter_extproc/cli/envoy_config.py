"""`semrouter envoy-config`: a complete Envoy bootstrap for a configuration."""

from pathlib import Path
from typing import Annotated

import typer

from semrouter_extproc.cli.options import ConfigFile


def envoy_config(
    config: ConfigFile,
    out: Annotated[Path | None, typer.Option(help="Write to this file, not to the screen.")] = None,
) -> None:
    """Print a complete Envoy bootstrap."""
    from semrouter_extproc.config import load
    from semrouter_extproc.envoy.bootstrap import render

    text = render(load(config))
    if out is None:
        typer.echo(text, nl=False)
    else:
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise typer.BadParameter(f"--out: {error}") from None
        typer.echo(f"wrote {out}")
