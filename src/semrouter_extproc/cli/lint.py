"""`semrouter lint`: what is wrong with examples, before anything is learned from them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semrouter_extproc.cli.options import AsJson, exact_encoder

if TYPE_CHECKING:
    from semrouter_extproc.workbench.lint import Lint


def lint(
    examples: Annotated[
        list[Path],
        typer.Option(help="Files or folders, as `semrouter fit` reads them; may be repeated."),
    ],
    encoder: Annotated[
        str, typer.Option(help="A sentence-transformers model: a name or a folder.")
    ] = "all-MiniLM-L6-v2",
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit with 1 where there is more than advice."),
    ] = False,
    show_text: Annotated[
        bool, typer.Option("--show-text", help="Print the beginnings of prompts, too.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Print every finding, not ten of each kind.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find mislabelled, repeated and contradictory examples, and categories that overlap."""
    from rich.console import Console

    from semrouter_extproc.workbench.waiting import waiting_on

    with waiting_on(Console(stderr=True)) as progress:
        loaded = exact_encoder(encoder, progress)
        from semrouter_extproc.workbench.lint.examine import examine

        report = examine(examples, loaded, progress, show_text=show_text)
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(report))
    else:
        _show(report, every=every)
    if strict and not report.passes:
        raise typer.Exit(1)


def _show(report: "Lint", *, every: bool) -> None:
    from semrouter_extproc.cli.findings import show_findings
    from semrouter_extproc.cli.options import table_console

    console = table_console()
    show_findings(report.findings, console, every=every)
    accuracy = (
        "" if report.accuracy is None else f", cross-validated accuracy {report.accuracy:.1%}"
    )
    console.print(
        f"{report.rows:,} examples of {report.categories:,} categories{accuracy}: "
        f"{len(report.findings):,} findings",
        highlight=False,
    )
