"""From a classification to a route: which model should answer, and whether it reasons.

Every way a request can go has a `Reason`, and that one word is also the metric label, the
header value and the log field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from semrouter_extproc.core.classify import Classification
from semrouter_extproc.core.prompting import NO_WORDS, SystemPrompt
from semrouter_extproc.core.reasoning import Reasoning


class Reason(StrEnum):
    """Why a request went the way it did."""

    ROUTED = "routed"
    LOW_MARGIN = "low_margin"
    CLIENT_OVERRIDE = "client_override"
    PINNED_MODEL = "pinned_model"
    PASS_THROUGH = "pass_through"  # noqa: S105 - the proxy's word, no password
    MODELS_LISTED = "models_listed"
    NO_PROMPT = "no_prompt"
    UNFIT_MODEL = "unfit_model"
    SHORT_BUDGET = "short_budget"
    DEADLINE = "deadline"
    OVERLOADED = "overloaded"
    ENCODER_ERROR = "encoder_error"
    UNKNOWN_MODEL = "unknown_model"
    UNPARSABLE = "unparsable"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    UNSUPPORTED_TRAILERS = "unsupported_trailers"
    BODY_TOO_LARGE = "body_too_large"
    INTERNAL_ERROR = "internal_error"


_REASONS: Final = ("biology", "chemistry", "computer science", "engineering", "math", "physics")
_ANSWERS: Final = (
    *("business", "economics", "health", "history", "law", "other", "philosophy"),
    "psychology",
)

PAPER_POLICY: Final[Mapping[str, Reasoning]] = {
    **dict.fromkeys(_REASONS, Reasoning.ON),
    **dict.fromkeys(_ANSWERS, Reasoning.OFF),
}
"""Where the paper "When to Reason" switches reasoning on, by category of MMLU-Pro."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a category goes: a configured model, how it reasons, what it is told."""

    model: str
    reasoning: Reasoning
    system_prompt: SystemPrompt = NO_WORDS


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to one request.

    `model` is None when Envoy's default route takes the request. `reasoning` is a level that
    the model's dialect can express. `confidence` is the probability of `category`; both are
    None when nothing was classified.
    """

    model: str | None
    reasoning: Reasoning
    reason: Reason
    category: str | None = None
    confidence: float | None = None


def untouched(reason: Reason, model: str | None = None) -> Decision:
    """Return the decision to leave a request as it is."""
    return Decision(model, Reasoning.UNCHANGED, reason)


@dataclass(frozen=True, slots=True)
class Choice:
    """The route for a prompt, and why it is this one."""

    route: Route
    reason: Reason
    category: str | None = None
    confidence: float | None = None


class Policy:
    """The configured routes, ready to choose from.

    `labels` are the categories in the order of `Classification.probabilities`. A category
    without a route takes the default. `min_margin` is the lead in probability (0 to 1) that
    the best route needs over the next.
    """

    def __init__(
        self,
        *,
        labels: Sequence[str],
        routes: Mapping[str, Route],
        default: Route,
        min_margin: float,
    ) -> None:
        self.default = default
        self._min_margin = min_margin
        targets = [routes.get(label, default) for label in labels]
        self._targets = list(dict.fromkeys(targets))
        self._target_of_label = np.array([self._targets.index(target) for target in targets])

    def choose(self, outcome: Classification | Reason) -> Choice:
        """Choose for a classification, or for the reason why there is none."""
        if isinstance(outcome, Reason):
            return Choice(self.default, outcome)
        route, reason = self._select(outcome)
        return Choice(route, reason, outcome.category, outcome.confidence)

    def _select(self, classification: Classification) -> tuple[Route, Reason]:
        """Pick the best supported route, or the default if its lead is too small.

        Support is counted by route, not by category: a prompt halfway between physics and
        chemistry is no doubtful case when both go the same way.
        """
        support = np.bincount(
            self._target_of_label,
            weights=classification.probabilities,
            minlength=len(self._targets),
        )
        best = int(support.argmax())
        rivals = np.delete(support, best)
        margin = support[best] - rivals.max(initial=0.0)
        if margin < self._min_margin:
            return self.default, Reason.LOW_MARGIN
        return self._targets[best], Reason.ROUTED
