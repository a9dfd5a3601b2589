"""The command line's frame: every command, and one line instead of a traceback."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from semrouter_extproc import __version__
from semrouter_extproc.cli.check import check
from semrouter_extproc.cli.demo import demo
from semrouter_extproc.cli.dialects import dialects
from semrouter_extproc.cli.doctor import doctor
from semrouter_extproc.cli.encoder import encoder
from semrouter_extproc.cli.envoy_config import envoy_config
from semrouter_extproc.cli.evaluate import evaluate
from semrouter_extproc.cli.fit import fit
from semrouter_extproc.cli.lint import lint
from semrouter_extproc.cli.records import records
from semrouter_extproc.cli.replay import replay
from semrouter_extproc.cli.route import route
from semrouter_extproc.cli.serve import serve
from semrouter_extproc.cli.tune import tune
from semrouter_extproc.errors import SemRouterError
from semrouter_extproc.observe import logs

app = typer.Typer(
    name="semrouter",
    help="Reasoning router for vLLM behind Envoy: switches thinking on only where it helps.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(serve)
app.command()(check)
app.command()(route)
app.command()(lint)
app.command()(fit)
app.command()(tune)
app.command()(evaluate)
app.command()(records)
app.command()(replay)
app.add_typer(encoder, name="encoder")
app.command()(envoy_config)
app.command()(doctor)
app.command()(dialects)
app.command()(demo)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        typer.echo(f"semrouter {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it."),
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; a fault of the user's or the machine's ends it with exit code 2."""
    logs.configure()
    try:
        app(arguments)
    except SemRouterError as error:
        for line in str(error).splitlines():
            typer.echo(f"semrouter: {line}", err=True)
        sys.exit(2)
