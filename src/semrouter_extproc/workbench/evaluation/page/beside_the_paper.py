"""The part of the page that sets the paper's own table beside these figures."""

from semrouter_extproc.workbench.evaluation import paper
from semrouter_extproc.workbench.evaluation.figures import NONE, percent, points
from semrouter_extproc.workbench.evaluation.page.markup import (
    Html,
    bullets,
    element,
    section,
    table,
)
from semrouter_extproc.workbench.evaluation.results import PolicyReport, PolicyScore


def paper_part(report: PolicyReport) -> Html:
    """Return both tables, and what may be read across them."""
    headers = ("", "Accuracy, %", "Tokens", "Seconds")
    rows = (
        _theirs("Paper: direct vLLM", paper.ALWAYS_ON),
        _theirs("Paper: semantic router", paper.ROUTER),
        (
            "Paper: change",
            f"{points(paper.ROUTER.accuracy - paper.ALWAYS_ON.accuracy)} points",
            _change(paper.ROUTER.tokens, paper.ALWAYS_ON.tokens),
            _change(paper.ROUTER.seconds, paper.ALWAYS_ON.seconds),
        ),
        _ours("Here: always on", report.always_on),
        _ours("Here: hand-set table, the paper's method", report.per_category),
        _ours("Here: router", report.router),
        (
            "Here: change, router",
            f"{points(report.router.accuracy - report.always_on.accuracy)} points",
            _change(report.router.tokens, report.always_on.tokens),
            NONE,
        ),
    )
    return section(
        "Beside the paper",
        table(headers, rows),
        element("p", f"The paper's figures: {paper.SOURCE}."),
        element("h3", "Comparable"),
        bullets(paper.COMPARABLE),
        element("h3", "Not comparable"),
        bullets(paper.NOT_COMPARABLE),
    )


def _theirs(name: str, row: paper.PaperRow) -> tuple[str, ...]:
    return name, f"{100 * row.accuracy:.2f}", f"{row.tokens:,.1f}", f"{row.seconds:.2f}"


def _ours(name: str, score: PolicyScore) -> tuple[str, ...]:
    return name, percent(score.accuracy), f"{score.tokens:,.1f}", NONE


def _change(after: float, before: float) -> str:
    return f"{100 * (after / before - 1):+.1f} %"
