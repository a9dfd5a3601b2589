"""`semrouter fit`: from labelled prompts to the centroids of your own categories."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semrouter_extproc.cli.options import AsJson

if TYPE_CHECKING:
    from rich.console import Console

    from semrouter_extproc.artefact import Judgement, StaticMeta
    from semrouter_extproc.workbench.fit import FitReport


def fit(
    examples: Annotated[
        list[Path],
        typer.Option(
            help='JSON Lines of {"text", "category"}, CSV with these columns (both also .gz), or a '
            "folder with a YAML file for each category; may be repeated."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    encoder: Annotated[
        str, typer.Option(help="A sentence-transformers model: a name or a folder.")
    ] = "all-MiniLM-L6-v2",
    held_out: Annotated[
        bool,
        typer.Option("--held-out", help="Judge on a fifth of the rows first, then learn all."),
    ] = False,
    origin: Annotated[str, typer.Option(help="Where the examples are from, for the record.")] = "",
    licence: Annotated[str, typer.Option(help="Their licence, for the record.")] = "",
    as_json: AsJson = False,
) -> None:
    """Learn categories from labelled prompts."""
    from rich.console import Console

    from semrouter_extproc.encoding.cores import usable_cores
    from semrouter_extproc.encoding.torch_encoder import TorchEncoder
    from semrouter_extproc.workbench.provenance import Background
    from semrouter_extproc.workbench.waiting import waiting_on

    with waiting_on(Console(stderr=True)) as progress:
        progress.step("Loading the encoder")
        # In full precision, whatever this machine would serve in: the same everywhere.
        loaded = TorchEncoder(encoder, workers=usable_cores(), precision="float32")
        # Only now: where this lacks a library, the encoder has said what to install.
        from semrouter_extproc.workbench.fit import fit_files

        report = fit_files(
            examples,
            out,
            loaded,
            held_out=held_out,
            background=Background(origin, licence, precision="float32"),
            progress=progress,
        )
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(report))
    else:
        _show(report)


def _show(report: "FitReport") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("Category", box=None)
    for title in ("Rows", "Precision", "Recall"):
        table.add_column(title, justify="right")
    for score in report.categories:
        table.add_row(
            score.category, str(score.rows), f"{score.precision:.1%}", f"{score.recall:.1%}"
        )
    console = Console()
    console.print(table)
    console.print(
        f"\n{report.settings.count} prototypes per category, sharpness "
        f"{report.settings.sharpness:g}, temperature {report.temperature:.2f}",
        highlight=False,
    )
    _show_judgement("Cross-validation", report.cross_validation, console)
    if report.held_out is not None:
        _show_judgement("Held out", report.held_out, console)
    _show_static(report.static, console)
    console.print(f"Wrote {report.folder}; name it under classifier.centroids.", highlight=False)


def _show_judgement(name: str, judgement: "Judgement", console: "Console") -> None:
    console.print(
        f"{name}: accuracy {judgement.accuracy:.1%}, macro F1 {judgement.macro_f1:.1%}, "
        f"calibration error {judgement.ece:.1%} on {judgement.rows} rows",
        highlight=False,
    )


def _show_static(static: "StaticMeta | None", console: "Console") -> None:
    if static is None:
        text = "Static tier: none; so few rows cannot prove that it decides as the encoder does"
    else:
        judged = static.held_out or static.cross_validation
        text = (
            f"Static tier: answers {judged.answered:.1%} of prompts where every category goes its "
            f"own way, {judged.differ:.1%} otherwise than the encoder; accuracy "
            f"{judged.accuracy:.1%} with it, {judged.encoder_accuracy:.1%} without"
        )
    console.print(text, highlight=False)
