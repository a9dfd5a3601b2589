"""`semrouter dialects`: the table of model families and how each is told to reason."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semrouter_extproc.cli.options import AsJson, table_console

if TYPE_CHECKING:
    from semrouter_extproc.config.dialects import Families, Family, Row


def dialects(
    family: Annotated[str | None, typer.Argument(help="Show how this one is spelt.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Add the families of a configuration.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the model families that can be told to reason, or not to."""
    from semrouter_extproc.config import load
    from semrouter_extproc.config.dialects import built_in_families

    families = load(config).families if config else built_in_families()
    if family is not None:
        families = {family: _found(family, families)}
    if as_json:
        typer.echo(json.dumps({name: _document(found) for name, found in families.items()}))
    elif family is not None:
        _show_family(family, families[family])
    else:
        _show_all(families)


def _found(name: str, families: "Families") -> "Family":
    from semrouter_extproc.config.values import did_you_mean

    if name in families:
        return families[name]
    meant = did_you_mean(name, families, cutoff=0.5) or "; `semrouter dialects` lists all"
    raise typer.BadParameter(f"unknown family {name!r}{meant}")


def _document(family: "Family") -> dict[str, Any]:
    return {
        "models": family.models,
        "differs": family.differs,
        "spellings": [
            {
                "backends": row.backends,
                "levels": row.levels,
                "removes": row.removes,
                "budget": row.budget,
                "source": row.source,
            }
            for row in family.spellings
        ],
    }


def _show_all(families: "Families") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None)
    for title in ("Family", "Levels", "Differs", "Backends and evidence", "Models"):
        table.add_column(title)
    table.columns[0].no_wrap = True
    for name, family in families.items():
        for row in family.spellings or (None,):
            levels, backends = (" ".join(row.levels), _backends(row)) if row else ("-", "-")
            told = (name, levels, family.differs or "-", backends, family.models)
            table.add_row(*map(Text, told))
    table_console().print(table)


def _backends(row: "Row") -> str:
    return ", ".join(f"{backend} ({evidence})" for backend, evidence in row.backends.items())


def _show_family(name: str, family: "Family") -> None:
    from rich.console import Console

    console = Console(markup=False, highlight=False, soft_wrap=True)
    console.print(f"{name}: {family.models}" if family.models else name)
    if family.differs:
        console.print(f"on and off differ at: {family.differs}")
    for row in family.spellings:
        console.print(f"\n{_backends(row)}")
        for level, said in row.levels.items():
            console.print(f"  {level:8}{_written(said)}")
        for title, members in (("removes", row.removes), ("budget", [row.budget or ""])):
            if any(members):
                console.print(f"  {title:8}{', '.join(members)}")
        if row.source:
            console.print(f"  {'source':8}{row.source}")


def _written(said: Mapping[str, Any]) -> str:
    return ", ".join(f"{member}: {json.dumps(value)}" for member, value in said.items())
