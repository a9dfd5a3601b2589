"""`semrouter evaluate`: what a reviewer asks for, on one page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semrouter_extproc.cli.options import AsJson, exact_encoder

if TYPE_CHECKING:
    from rich.console import Console

    from semrouter_extproc.workbench.evaluation.results import (
        ClassificationReport,
        PolicyReport,
        Report,
    )


def evaluate(
    centroids: Annotated[
        str, typer.Option(help="The artefact to judge: a folder, or a built-in one.")
    ] = "mmlu-pro",
    examples: Annotated[
        list[Path] | None,
        typer.Option(help="Labelled prompts, as for fit, that it was not fitted on."),
    ] = None,
    records: Annotated[
        list[Path] | None,
        typer.Option(
            help="Paired records, as for tune. What the artefact learned from them, if anything, "
            "is left aside: each is judged by what the others teach."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write report.html and report.json to this folder.")
    ] = None,
    token_share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="The router's budget in the tables; the paper's: 0.515."),
    ] = None,
    seen_too: Annotated[
        bool,
        typer.Option("--seen-too", help="Judge by rows it was fitted on, too, and say so."),
    ] = False,
    encoder: Annotated[
        str, typer.Option(help="The sentence-transformers model of the artefact.")
    ] = "all-MiniLM-L6-v2",
    as_json: AsJson = False,
) -> None:
    """Judge an artefact by labelled prompts and by paired records."""
    from rich.console import Console

    from semrouter_extproc.workbench.evaluation.pictures.canvas import require_matplotlib
    from semrouter_extproc.workbench.waiting import waiting_on

    if not examples and not records:
        raise typer.BadParameter("give --examples FILE, --records FILE, or both")
    if out is not None:
        require_matplotlib()
    with waiting_on(Console(stderr=True)) as progress:
        loaded = exact_encoder(encoder, progress)
        from semrouter_extproc.workbench.evaluation import evaluate as judging
        from semrouter_extproc.workbench.evaluation.page.whole import page

        share = judging.USUAL_TOKEN_SHARE if token_share is None else token_share
        asked = judging.Asked(examples or (), records or (), share, seen_too=seen_too)
        report = judging.evaluate(centroids, asked, loaded, progress)
        if out is not None:
            progress.step("Drawing the page")
            judging.write(out, report, page(report))
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(report))
    else:
        _show(report, out)


def _show(report: "Report", out: Path | None) -> None:
    from semrouter_extproc.cli.options import table_console

    console = table_console()
    for note in report.notes:
        console.print(f"[yellow]note[/]  {note}\n", highlight=False)
    if report.classification is not None:
        _show_classification(report.classification, console)
    if report.policy is not None:
        _show_policy(report.policy, console)
    if out is not None:
        console.print(f"Wrote {out / 'report.html'} and report.json beside it.", highlight=False)


def _show_classification(report: "ClassificationReport", console: "Console") -> None:
    low, high = report.ci95
    console.print(
        f"Categories, {report.rows:,} prompts: accuracy {report.accuracy:.1%} ({low:.1%} to "
        f"{high:.1%}), macro F1 {report.macro_f1:.1%}, calibration error {report.ece:.1%}",
        highlight=False,
    )
    if report.switch is not None:
        console.print(
            f"Reasoning on or off as the paper's table says: {report.switch.accuracy:.1%}",
            highlight=False,
        )


def _show_policy(report: "PolicyReport", console: "Console") -> None:
    from rich.table import Table

    from semrouter_extproc.workbench.evaluation.figures import percent, points, points_range
    from semrouter_extproc.workbench.evaluation.results import Policies

    table = Table(f"Policy, {report.rows:,} records", box=None)
    for title in ("Accuracy", "Tokens", "Share", "Reasoned", "Above matched random"):
        table.add_column(title, justify="right")
    for name in Policies.__struct_fields__:
        score = getattr(report, name)
        table.add_row(
            name.replace("_", " "),
            percent(score.accuracy),
            f"{score.tokens:,.0f}",
            percent(score.token_share),
            percent(score.reasoned),
            f"{points(score.gain)} ({points_range(score.gain_ci95)})",
        )
    console.print(table)
    if (area := report.areas.router) is not None:
        low, high = area.ci95
        console.print(
            f"Area between router and random: {area.share:.1%} of the oracle's "
            f"({low:.1%} to {high:.1%})",
            highlight=False,
        )
