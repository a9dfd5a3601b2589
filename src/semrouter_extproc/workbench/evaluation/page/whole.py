"""The page as a whole."""

from pathlib import Path
from typing import Final

from semrouter_extproc.workbench.evaluation.page.beside_the_paper import paper_part
from semrouter_extproc.workbench.evaluation.page.classification import classification_part
from semrouter_extproc.workbench.evaluation.page.markup import Html, bullets, element
from semrouter_extproc.workbench.evaluation.page.policy import policy_part
from semrouter_extproc.workbench.evaluation.results import Report

_STYLE: Final = Path(__file__).with_name("page.css")


def page(report: Report) -> str:
    """Return the report as an HTML document without a script or anything outside of it.

    It shows ids of prompts, never their text. Raises EnvironmentProblem without matplotlib.
    """
    parts = [
        *([] if report.classification is None else [classification_part(report.classification)]),
        *([] if report.policy is None else [policy_part(report.policy), paper_part(report.policy)]),
    ]
    head = element(
        "head",
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark">'),
        element("title", f"semrouter evaluate: {report.centroids}"),
        element("style", Html(_STYLE.read_text())),
    )
    body = element("body", element("main", _top(report), *parts))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _top(report: Report) -> Html:
    judged = element("code", report.centroids)
    return element(
        "header",
        element("h1", "Evaluation of ", judged),
        element("p", "Encoder ", element("code", report.encoder)),
        element("div", bullets(report.notes), class_="notes") if report.notes else Html(""),
    )
