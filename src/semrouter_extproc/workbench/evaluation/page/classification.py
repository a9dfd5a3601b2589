"""The part of the page about how well prompts are placed."""

from semrouter_extproc.workbench.evaluation.figures import percent, percent_range
from semrouter_extproc.workbench.evaluation.page.markup import (
    Html,
    element,
    joined,
    picture,
    section,
    table,
)
from semrouter_extproc.workbench.evaluation.pictures.confusion import draw_confusion
from semrouter_extproc.workbench.evaluation.pictures.reliability import draw_reliability
from semrouter_extproc.workbench.evaluation.results import ClassificationReport


def classification_part(report: ClassificationReport) -> Html:
    """Return everything about categories."""
    return section(
        f"Categories, on {report.rows:,} prompts",
        _headline(report),
        picture(
            draw_reliability(report),
            "Of prompts placed with like confidence, the share that is placed right, with its 95 % "
            "interval (Wilson's); below, how many prompts are that sure.",
        ),
        picture(
            draw_confusion(report),
            "What is taken for what. Of many categories, only the pairs confused most.",
        ),
        element("h3", "Each category"),
        _categories(report),
        element("h3", "Wrong, and most sure of it"),
        element("p", "Labels to look at first: either they or the router err."),
        _surest_errors(report),
    )


def _headline(report: ClassificationReport) -> Html:
    switch = report.switch
    rows = [
        ("Category right, %", f"{percent(report.accuracy)} ({percent_range(report.ci95)})"),
        ("Macro F1, %", percent(report.macro_f1)),
        ("Expected calibration error, %", percent(report.ece)),
        ("Log loss, nats", f"{report.log_loss:.4f}"),
    ]
    if switch is not None:
        found = f"{percent(switch.accuracy)} ({percent_range(switch.ci95)})"
        rows += [
            ("Reasoning on or off as the hand-set table says, %", found),
            ("Reasons and should not, % of all", percent(switch.needless)),
            ("Should reason and does not, % of all", percent(switch.missed)),
        ]
    return table(("", "With 95 % interval"), rows)


def _categories(report: ClassificationReport) -> Html:
    headers = ("Category", "Prompts", "Precision, %", "Recall, %", "F1, %")
    return table(
        headers,
        (
            (
                score.category,
                f"{score.rows:,}",
                percent(score.precision),
                percent(score.recall),
                percent(score.f1),
            )
            for score in report.categories
        ),
    )


def _surest_errors(report: ClassificationReport) -> Html:
    if not report.surest_errors:
        return joined(["None is wrong."])
    return table(
        ("Prompt", "Category", "Taken for", "Confidence, %"),
        (
            (error.id, error.category, error.taken_for, percent(error.confidence))
            for error in report.surest_errors
        ),
    )
