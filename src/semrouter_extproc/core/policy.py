"""From a classification to a decision: which model answers, and whether it reasons.

Every way a request can go has a `Reason`, and that one word is also the metric label, the
header value and the log field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from semrouter_extproc.core.classify import Classification
from semrouter_extproc.core.reasoning import Dialect, Edits, Reasoning


class Reason(StrEnum):
    """Why a request went the way it did."""

    ROUTED = "routed"
    LOW_MARGIN = "low_margin"
    CLIENT_OVERRIDE = "client_override"
    PINNED_MODEL = "pinned_model"
    PASS_THROUGH = "pass_through"  # noqa: S105 - the proxy's word, no password
    NO_PROMPT = "no_prompt"
    DEADLINE = "deadline"
    OVERLOADED = "overloaded"
    ENCODER_ERROR = "encoder_error"
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
    """Where a category goes: a configured model, and how it should reason."""

    model: str
    reasoning: Reasoning


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to one request.

    `model` is None when the client's own model stays. `reasoning` is a level that the
    model's dialect can express. `confidence` is the probability of `category`; both are
    None when nothing was classified.
    """

    model: str | None
    reasoning: Reasoning
    reason: Reason
    category: str | None = None
    confidence: float | None = None


class Policy:
    """The configured routes, ready to decide.

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
        dialects: Mapping[str, Dialect],
        aliases: frozenset[str],
        min_margin: float,
    ) -> None:
        self.aliases = aliases
        self._default = default
        self._dialects = dialects
        self._min_margin = min_margin
        targets = [routes.get(label, default) for label in labels]
        self._targets = list(dict.fromkeys(targets))
        self._target_of_label = np.array([self._targets.index(target) for target in targets])

    def pin(self, model: str) -> Decision:
        """Decide about a request whose client chose `model` itself.

        The body stays. A configured model is named, so that Envoy takes its route; any
        other goes to the default route.
        """
        known = model if model in self._dialects else None
        return Decision(known, Reasoning.UNCHANGED, Reason.PINNED_MODEL)

    def decide(self, outcome: Classification | Reason, *, client_decides: bool) -> Decision:
        """Decide about a request that named an alias.

        `outcome` is the classification, or the reason why there is none. `client_decides`
        says that the client already spelt out its wish about reasoning, which then stays.
        """
        if isinstance(outcome, Reason):
            route, reason, category, confidence = self._default, outcome, None, None
        else:
            route, reason = self._select(outcome)
            category, confidence = outcome.category, outcome.confidence
            if client_decides:
                reason = Reason.CLIENT_OVERRIDE
        wanted = Reasoning.UNCHANGED if client_decides else route.reasoning
        reasoning = self._dialects[route.model].nearest(wanted)
        return Decision(route.model, reasoning, reason, category, confidence)

    def edits(self, decision: Decision) -> Edits:
        """Return the members that turn a client's body into what `decision` says."""
        if decision.model is None:
            return {}
        spelling = self._dialects[decision.model].spell(decision.reasoning)
        return {("model",): decision.model, **spelling}

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
            return self._default, Reason.LOW_MARGIN
        return self._targets[best], Reason.ROUTED
