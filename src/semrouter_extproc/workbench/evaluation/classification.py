"""How well labelled prompts are placed."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.workbench.evaluation.results import (
    ClassificationReport,
    SureError,
    Switch,
)
from semrouter_extproc.workbench.examples import Example
from semrouter_extproc.workbench.scores import (
    confusions,
    expected_calibration_error,
    log_loss,
    per_category,
    reliability,
    wilson,
)

_SUREST: Final = 10


def report_classification(
    examples: Sequence[Example],
    probabilities: NDArray[np.float64],
    labels: Sequence[str],
    table: Mapping[str, bool],
) -> ClassificationReport:
    """Judge `probabilities`, `[N, C]` in the order of `labels`, by the examples' categories.

    `table` says by category whether to reason; one that leaves out a label is not judged by.
    Every example's category must be among the labels.
    """
    truth = np.array([labels.index(example.category) for example in examples])
    hits = int((probabilities.argmax(axis=1) == truth).sum())
    scores = per_category(probabilities, truth, labels)
    return ClassificationReport(
        rows=len(truth),
        accuracy=hits / len(truth),
        ci95=wilson(hits, len(truth)),
        macro_f1=float(np.mean([score.f1 for score in scores if score.rows])),
        log_loss=log_loss(probabilities, truth),
        ece=expected_calibration_error(probabilities, truth),
        switch=_switch(probabilities, truth, labels, table),
        categories=scores,
        confusions=confusions(probabilities, truth, labels),
        reliability=reliability(probabilities, truth),
        surest_errors=_surest_errors(examples, probabilities, truth, labels),
    )


def _switch(
    probabilities: NDArray[np.float64],
    truth: NDArray[np.intp],
    labels: Sequence[str],
    table: Mapping[str, bool],
) -> Switch | None:
    """Judge the likeliest category's switch, or None where the table does not know them all."""
    if not table.keys() >= set(labels):
        return None
    reasons = np.array([table[label] for label in labels])
    found, wanted = reasons[probabilities.argmax(axis=1)], reasons[truth]
    right = int((found == wanted).sum())
    return Switch(
        accuracy=right / len(truth),
        ci95=wilson(right, len(truth)),
        needless=float((found & ~wanted).mean()),
        missed=float((~found & wanted).mean()),
    )


def _surest_errors(
    examples: Sequence[Example],
    probabilities: NDArray[np.float64],
    truth: NDArray[np.intp],
    labels: Sequence[str],
) -> tuple[SureError, ...]:
    """Return the wrong rows of highest confidence: the labels to look at first."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != truth)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:_SUREST]
    return tuple(
        SureError(
            id=examples[row].id,
            category=examples[row].category,
            taken_for=labels[predicted[row]],
            confidence=float(confidence[row]),
        )
        for row in surest.tolist()
    )
