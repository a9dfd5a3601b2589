"""`semrouter doctor`: whether "off" is off, on every server of every model."""

from typing import TYPE_CHECKING, Annotated

import typer

from semrouter_extproc.cli.options import AsJson, ConfigFile, table_console

if TYPE_CHECKING:
    from semrouter_extproc.workbench.doctor import Report


def doctor(
    config: ConfigFile,
    api_key: Annotated[
        str | None,
        typer.Option(envvar="SEMROUTER_API_KEY", help="A bearer token for every server asked."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask every server of every model whether its reasoning switch works; exit 1 unless all do."""
    from rich.console import Console

    from semrouter_extproc.config import load
    from semrouter_extproc.workbench.doctor import examine
    from semrouter_extproc.workbench.waiting import waiting_on

    loaded = load(config)
    with waiting_on(Console(stderr=True)) as progress:
        report = examine(loaded, progress, api_key=api_key)
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(report))
    else:
        _show(report)
    raise typer.Exit(0 if report.ok else 1)


_COLOURS = {"works": "green", "no switch": "dim", "unclear": "yellow"}


def _show(report: "Report") -> None:
    from rich.table import Table
    from rich.text import Text

    console = table_console()
    table = Table(box=None)
    for title in ("Model", "Endpoint", "Dialect", "Evidence", "Switch", "Detail"):
        table.add_column(title)
    for found in report.findings:
        table.add_row(
            *(found.model, Text(found.endpoint), f"{found.dialect} on {found.backend}"),
            found.evidence or "-",
            Text(found.verdict, _COLOURS.get(found.verdict, "red")),
            Text(found.detail),
        )
    console.print(table)
    for line in _advice(report):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _advice(report: "Report") -> list[str]:
    """Return one line for each thing to do, and for each to think of."""
    lines = []
    for found in report.findings:
        where = f"{found.model} at {found.endpoint}"
        lines += [f"{where}: {found.remedy}"] * bool(found.remedy)
        lines += [f"{where}: warning: {warning}" for warning in found.warnings]
    return lines and ["", *lines]
