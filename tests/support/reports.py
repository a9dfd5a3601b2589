"""Reports about made-up prompts, with names that a page must not trust."""

import numpy as np

from semrouter_extproc.core.outcomes import Expected
from semrouter_extproc.workbench.evaluation.baselines import by_neighbours
from semrouter_extproc.workbench.evaluation.classification import report_classification
from semrouter_extproc.workbench.evaluation.policy_report import Contenders, report_policies
from semrouter_extproc.workbench.evaluation.results import (
    ClassificationReport,
    PolicyReport,
    Report,
)
from semrouter_extproc.workbench.examples import Example
from semrouter_extproc.workbench.records import Records
from support.paired import KindEncoder, paired

HOSTILE = '<script>alert("$x_{")</script> & friends'


def policy_report(records: Records | None = None, router: Expected | None = None) -> PolicyReport:
    """Return what is found about records in which reasoning pays for puzzles."""
    records = records or paired(200, gain=0.4)
    folds = np.arange(len(records.ids)) % 5
    vectors = KindEncoder().encode(records.texts)
    nearest = by_neighbours(vectors, records.scores, records.tokens, folds)
    contenders = Contenders(
        router=router or nearest,
        nearest=nearest,
        neighbours=40,
        folds=folds,
        placed=records.categories,
        table={"puzzle": True, "greeting": False},
        predictions="learned elsewhere",
        hand_set_by="our own",
    )
    return report_policies(records, contenders, 0.5)


def classification_report(labels: tuple[str, ...] = ("law", HOSTILE)) -> ClassificationReport:
    """Return what is found about 120 prompts of these categories, of which some are misplaced."""
    rng = np.random.default_rng(0)
    truth = rng.integers(len(labels), size=120)
    weights = rng.random((120, len(labels))) + 0.6 * np.eye(len(labels))[truth]
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    examples = [Example(f"<b>{row}", "a secret text", labels[of]) for row, of in enumerate(truth)]
    return report_classification(examples, probabilities, labels, dict.fromkeys(labels, True))


def report() -> Report:
    """Return a whole report."""
    return Report(
        centroids=HOSTILE,
        encoder="tiny@sha256:0123456789abcdef",
        notes=(f"beware of {HOSTILE}",),
        classification=classification_report(),
        policy=policy_report(),
    )
