"""How what lint found is shown: by `semrouter lint`, and after a fit."""

from itertools import groupby
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from semrouter_extproc.workbench.lint import Finding

_SHOWN: Final = 10
_ROWS_SHOWN: Final = 4
_COLOURS: Final = {"error": "red", "warning": "yellow", "advice": "cyan"}


def show_findings(
    findings: "Sequence[Finding]", console: "Console", *, every: bool = False
) -> None:
    """Print findings under their kinds, of each kind the first ten unless `every` is wanted."""
    for (severity, kind), group in groupby(findings, lambda each: (each.severity, each.kind)):
        found = list(group)
        colour = _COLOURS[severity.value]
        console.print(
            f"[{colour}]{severity.value}[/]  [bold]{kind.value}[/]  {len(found):,}",
            highlight=False,
        )
        for finding in found if every else found[:_SHOWN]:
            _show(finding, console)
        if not every and len(found) > _SHOWN:
            console.print(f"  [dim]and {len(found) - _SHOWN:,} more: semrouter lint --all[/]")
        console.print()


def _show(finding: "Finding", console: "Console") -> None:
    from rich.padding import Padding
    from rich.text import Text

    lines = [finding.advice]
    shown = finding.rows[:_ROWS_SHOWN]
    if any(row.excerpt for row in shown):
        lines += [f"  {row.id}  {row.category}: {row.excerpt}" for row in shown]
    elif shown:
        lines.append("  " + ", ".join(row.id for row in shown))
    if len(finding.rows) > _ROWS_SHOWN:
        lines[-1] += f", and {len(finding.rows) - _ROWS_SHOWN} more"
    console.print(Padding(Text("\n".join(lines)), (0, 0, 0, 2)))
