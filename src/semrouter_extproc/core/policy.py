"""From a classification to a route: which model should answer, and whether it reasons.

Every way a request can go has a `Reason`, and that one word is also the metric label, the
header value and the log field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.classify import Classification
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.core.wording import NO_WORDS, SystemPrompt


class Reason(StrEnum):
    """Why a request went the way it did."""

    ROUTED = "routed"
    LOW_MARGIN = "low_margin"
    OUT_OF_SCOPE = "out_of_scope"
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
    """Where a category goes: a configured model, how it reasons, what it is told.

    A route with `arms` is open: what was learned from records names the arm for each prompt
    (`core.learned`), and that arm's route is taken.
    """

    model: str
    reasoning: Reasoning
    system_prompt: SystemPrompt = NO_WORDS
    arms: Mapping[str, "Route"] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def way(self) -> tuple[str, bool, bool, bool]:
        """What makes two routes rivals: another model, or thinking against not thinking."""
        level = self.reasoning
        return self.model, level.thinks, level is Reasoning.UNCHANGED, bool(self.arms)


class Decision(msgspec.Struct, frozen=True):
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


class Choice(msgspec.Struct, frozen=True):
    """The route for a prompt, and why it is this one.

    `lead` is by how much probability the best way leads over the next, None without a
    classification.
    """

    route: Route
    reason: Reason
    category: str | None = None
    confidence: float | None = None
    lead: float | None = None


class Policy:
    """The configured routes, ready to choose from.

    `labels` are the categories in the order of `Classification.probabilities`. A category
    without a route takes the default. `min_margin` is the lead in probability (0 to 1) that
    the best way needs over the next. `familiarity_bars` is `[C]`: a prompt less familiar than
    its category's bar is out of scope. None is where everything is in scope.
    """

    def __init__(
        self,
        *,
        labels: Sequence[str],
        routes: Mapping[str, Route],
        default: Route,
        min_margin: float,
        familiarity_bars: NDArray[np.float64] | None = None,
    ) -> None:
        self.default = default
        self._min_margin = min_margin
        self._familiarity_bars = familiarity_bars
        self._routes = [routes.get(label, default) for label in labels]
        ways = [route.way for route in self._routes]
        distinct = list(dict.fromkeys(ways))
        self._way_of_label = np.array([distinct.index(way) for way in ways])
        self._labels_of_way = [
            np.flatnonzero(self._way_of_label == way) for way in range(len(distinct))
        ]

    def choose(self, outcome: Classification | Reason) -> Choice:
        """Choose for a classification, or for the reason why there is none."""
        if isinstance(outcome, Reason):
            return Choice(self.default, outcome)
        route, lead = self._best(outcome)
        reason = self._reason(outcome, lead)
        taken = route if reason is Reason.ROUTED else self.default
        return Choice(taken, reason, outcome.category, outcome.confidence, lead)

    def _reason(self, classification: Classification, lead: float) -> Reason:
        if self._is_strange(classification):
            return Reason.OUT_OF_SCOPE
        return Reason.LOW_MARGIN if lead < self._min_margin else Reason.ROUTED

    def _is_strange(self, classification: Classification) -> bool:
        familiarity, bars = classification.familiarity, self._familiarity_bars
        # Of a prompt classified by its words alone, the familiarity is not known.
        if familiarity is None or bars is None:
            return False
        return familiarity < float(bars[classification.index])

    def _best(self, classification: Classification) -> tuple[Route, float]:
        """Return the best supported route, and its lead.

        Support is counted by the way, not by category: a prompt halfway between physics and
        chemistry is no doubtful case when both go to one model and think. Of the categories
        that go the best way, the likeliest decides on the rest, such as an effort.
        """
        probabilities = classification.probabilities
        support = np.bincount(self._way_of_label, weights=probabilities).tolist()
        *_, second, first = sorted((0.0, *support))
        labels = self._labels_of_way[support.index(first)]
        likeliest = labels[probabilities[labels].argmax()]
        return self._routes[likeliest], first - second
