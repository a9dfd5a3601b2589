"""What an artefact says of many prompts at once."""

from dataclasses import dataclass

from semrouter_extproc.core.outcomes import Expected, Outcomes
from semrouter_extproc.workbench.evaluation.figures import points, points_range
from semrouter_extproc.workbench.features import Features
from semrouter_extproc.workbench.outcomes_fit import FOLDS, expected_of, learn_outcomes
from semrouter_extproc.workbench.records import Records


@dataclass(frozen=True, slots=True, eq=False)
class Foretold:
    """What was expected of each record's arms, None where arms are drawn by lot.

    `source` says who expected it; `warning` what a reader must know about that, if anything.
    """

    expected: Expected | None
    source: str
    warning: str | None = None


def foretold_by(outcomes: Outcomes, records: Records, features: Features) -> Foretold:
    """Return what `outcomes`, learned elsewhere, expect of the records."""
    if outcomes.model is None:
        lots = "what semrouter tune wrote, which found nothing to learn and draws arms by lot"
        return Foretold(None, lots)
    source = "what semrouter tune wrote into the artefact, on prompts that it has not seen"
    return Foretold(expected_of(outcomes, records.texts, features), source)


def foretold_by_other_folds(records: Records, features: Features) -> Foretold:
    """Return what each record's arms are expected to do by what the other folds teach."""
    learned = learn_outcomes(records, features)
    source = (
        f"learned on these records, each prompt judged by what the other {FOLDS - 1} of {FOLDS} "
        "folds teach; how strongly to shrink is chosen by the same folds"
    )
    if learned.outcomes.model is not None:
        return Foretold(learned.left_out, source)
    gain = learned.gain
    warning = (
        "From these records there is nothing to gain by telling prompts apart: "
        f"{points(gain.mean)} points over arms drawn by lot, 95 % interval "
        f"{points_range((gain.low, gain.high))}. semrouter tune would draw by lot; the router "
        "shown is the one that it refuses to keep."
    )
    return Foretold(learned.left_out, source, warning)
