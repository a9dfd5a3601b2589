"""`semrouter fit`: from labelled prompts to the centroids of your own categories."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from semrouter_extproc.cli.options import AsJson, exact_encoder

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from semrouter_extproc.artefact import StaticMeta
    from semrouter_extproc.workbench.evaluation.results import ClassificationReport
    from semrouter_extproc.workbench.fit import FitReport
    from semrouter_extproc.workbench.lint import Lint

_CONFUSIONS_SHOWN: Final = 5


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

    from semrouter_extproc.workbench.provenance import Background
    from semrouter_extproc.workbench.waiting import waiting_on

    with waiting_on(Console(stderr=True)) as progress:
        loaded = exact_encoder(encoder, progress)
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

    console = Console(highlight=False)
    found = report.cross_validation
    console.print(_category_table(found))
    low, high = found.ci95
    console.print(
        f"\nCross-validation: accuracy {found.accuracy:.1%} ({low:.1%} to {high:.1%}), macro F1 "
        f"{found.macro_f1:.1%}, calibration error {found.ece:.1%} on {found.rows:,} rows"
    )
    if report.held_out is not None:
        judged = report.held_out
        console.print(
            f"Held out: accuracy {judged.accuracy:.1%}, macro F1 {judged.macro_f1:.1%}, "
            f"calibration error {judged.ece:.1%} on {judged.rows:,} rows"
        )
    _show_confusions(found, console)
    _show_static(report.static, console)
    console.print(
        f"Learned from {report.rows:,} of {report.given:,} rows; {report.landmarks:,} landmarks, "
        "sharpness "
        f"{report.settings.sharpness:g}, n-grams {report.settings.ngram_share:.0%}, ridge "
        f"{report.settings.ridge:g}, temperature {report.temperature:.2f}"
    )
    _show_lint(report.lint, console)
    console.print(f"Wrote {report.folder}; name it under classifier.centroids.")


def _category_table(found: "ClassificationReport") -> "Table":
    from rich.table import Table

    table = Table("Category", box=None)
    for title in ("Rows", "Precision", "Recall"):
        table.add_column(title, justify="right")
    for score in found.categories:
        table.add_row(
            score.category, str(score.rows), f"{score.precision:.1%}", f"{score.recall:.1%}"
        )
    return table


def _show_confusions(found: "ClassificationReport", console: "Console") -> None:
    shown = found.confusions[:_CONFUSIONS_SHOWN]
    if shown:
        pairs = ", ".join(f"{pair.category} for {pair.taken_for} {pair.rows}x" for pair in shown)
        console.print(f"Taken for another: {pairs}")


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
    console.print(text)


def _show_lint(report: "Lint", console: "Console") -> None:
    from collections import Counter

    kinds = Counter(finding.kind.value for finding in report.findings)
    if kinds:
        counts = ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common())
        console.print(f"Worth a look (`semrouter lint` shows each): {counts}")
