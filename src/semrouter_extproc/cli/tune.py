"""`semrouter tune`: from paired records to a policy of when to reason."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semrouter_extproc.cli.options import AsJson, exact_encoder

if TYPE_CHECKING:
    from rich.console import Console

    from semrouter_extproc.workbench.tune import OperatingPoint, TuneReport

_SHOWN_POINTS = 10


def tune(
    records: Annotated[
        list[Path],
        typer.Option(
            help='JSON Lines of {"text", "category", "reasoning": {"correct", "tokens"}, "direct": '
            '{...}} or {"text", "arms": {NAME: {...}}}, also .gz; may be repeated.'
        ),
    ],
    out: Annotated[Path, typer.Option(help="The folder to write: a copy that knows more.")],
    centroids: Annotated[
        str, typer.Option(help="The artefact to start from: a folder, or a built-in one.")
    ] = "mmlu-pro",
    token_share: Annotated[
        list[float] | None,
        typer.Option(min=0, max=1, help="Show what this budget changes; may be repeated."),
    ] = None,
    encoder: Annotated[
        str, typer.Option(help="The sentence-transformers model of the artefact.")
    ] = "all-MiniLM-L6-v2",
    as_json: AsJson = False,
) -> None:
    """Learn when to reason from prompts that were answered both ways."""
    from rich.console import Console

    from semrouter_extproc.workbench.waiting import waiting_on

    with waiting_on(Console(stderr=True)) as progress:
        loaded = exact_encoder(encoder, progress)
        from semrouter_extproc.workbench.tune import USUAL_TOKEN_SHARES, tune_files

        report = tune_files(
            centroids,
            records,
            out,
            loaded,
            token_shares=token_share or USUAL_TOKEN_SHARES,
            progress=progress,
        )
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(report))
    else:
        _show(report)


def _show(report: "TuneReport") -> None:
    from semrouter_extproc.cli.options import table_console

    console = table_console()
    console.print(counted(report.rows, report.given), highlight=False)
    for arm in report.arms:
        console.print(
            f"Always {arm.name}: accuracy {arm.score:.1%}, {arm.tokens:,.0f} tokens",
            highlight=False,
        )
    console.print(f"\n{_verdict(report)}\n", highlight=False)
    _show_frontier(report, console)
    for point in report.points:
        _show_changes(point, console)
    console.print(_configuration(report), highlight=False, markup=False)


def counted(rows: int, given: int) -> str:
    """Say how many records were learned from."""
    if rows == given:
        return f"Learned from {rows:,} records."
    return (
        f"Learned from {rows:,} of {given:,} records, drawn at random: memory grows with the "
        "square of their number."
    )


def _verdict(report: "TuneReport") -> str:
    gain = report.gain
    found = (
        f"{gain.mean * 100:+.2f} points over prompts drawn by lot for the same tokens "
        f"(95 % interval {gain.low * 100:+.2f} to {gain.high * 100:+.2f}), on rows left out"
    )
    if not report.by_lot:
        return f"Telling prompts apart gains {found}."
    return (
        f"Nothing to gain by telling prompts apart: {found}. Within a budget, prompts will be "
        "drawn by lot; more records may find what these do not show."
    )


def _show_frontier(report: "TuneReport", console: "Console") -> None:
    from rich.table import Table

    table = Table("Tokens", box=None)
    for title in (f"To {report.arms[-1].name}", "Accuracy", "95 % interval", "Matched random"):
        table.add_column(title, justify="right")
    every = max(1, len(report.frontier) // _SHOWN_POINTS)
    for point in report.frontier[::every]:
        table.add_row(
            f"{point.token_share:.1%}",
            f"{point.arms[-1]:.1%}",
            f"{point.score:.1%}",
            f"{point.low:.1%} to {point.high:.1%}",
            f"{point.matched:.1%}",
        )
    console.print(table)


def _show_changes(point: "OperatingPoint", console: "Console") -> None:
    from rich.table import Table

    console.print(
        f"\nAt {point.token_share:.1%} of the tokens: {point.spent:.1%} spent, "
        f"{point.reasoned:.1%} reasoned, accuracy {point.score:.1%} ({point.low:.1%} to "
        f"{point.high:.1%}), matched random {point.matched:.1%}",
        highlight=False,
    )
    table = Table("Category", box=None)
    for title in ("Rows", "Reasoned before", "Now", "Change"):
        table.add_column(title, justify="right")
    for each in point.changes:
        old = each.before
        table.add_row(
            each.category or "(none named)",
            str(each.rows),
            "-" if old is None else f"{old:.1%}",
            f"{each.after:.1%}",
            "-" if old is None else f"{(each.after - old) * 100:+.1f}",
        )
    console.print(table)


def _configuration(report: "TuneReport") -> str:
    share = report.points[0].token_share
    return (
        f"\nWrote {report.folder}. To spend at most {share:.1%} of the tokens:\n\n"
        f"classifier: {{centroids: {report.folder}}}\n"
        f"learned: {{token_share: {share:g}}}\n"
        "and under routes: CATEGORY: {reasoning: learned}"
    )
