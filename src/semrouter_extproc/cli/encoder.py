"""`semrouter encoder`: what prompts are turned into vectors with."""

from pathlib import Path
from typing import Annotated

import typer

from semrouter_extproc.cli.options import AsJson

encoder = typer.Typer(help="Prepare the encoder.", no_args_is_help=True)


@encoder.callback()
def _group() -> None:
    """Prepare the encoder."""


@encoder.command()
def export(
    model: Annotated[
        str, typer.Option(help="A sentence-transformers model: a name or a folder.")
    ] = "all-MiniLM-L6-v2",
    out: Annotated[
        Path | None, typer.Option(help="The folder to write; else the cache that `serve` reads.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prepare a model for ONNX Runtime in 8-bit integers: a folder that needs no torch."""
    import msgspec
    from rich.console import Console

    from semrouter_extproc.encoding.local import prepared_in_cache
    from semrouter_extproc.encoding.prepared import prepare, read_card
    from semrouter_extproc.encoding.weights import folder_of
    from semrouter_extproc.workbench.waiting import waiting_on

    with waiting_on(Console(stderr=True)) as progress:
        progress.step(f"Preparing {model}")
        if out is None:
            folder = prepared_in_cache(model, anew=True)
        else:
            folder = out
            prepare(Path(model).name, folder_of(model), out)
    card = read_card(folder)
    if as_json:
        typer.echo(msgspec.json.encode({"folder": str(folder), **msgspec.to_builtins(card)}))
    else:
        typer.echo(
            f"{folder}: {card.fingerprint}, {card.dimensions} dimensions. Rounding turned its "
            f"vectors to a cosine of {card.cosine} at worst."
        )
        if out is not None:
            typer.echo(f"Use it with encoder.model: {out}")
