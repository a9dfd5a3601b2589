"""`semrouter demo`: Envoy, the router and a real vLLM on this machine."""

from typing import Annotated

import typer


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Stay up, and print a line to try.")] = False,
) -> None:
    """Start everything here and send a dozen prompts through it."""
    from rich.console import Console

    from semrouter_extproc.workbench.demo import run_demo

    raise typer.Exit(run_demo(keep=keep, console=Console()))
