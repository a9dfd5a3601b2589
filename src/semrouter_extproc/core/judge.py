"""All that one page and its artefact say about a text, before any request or clock comes in."""

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.core.classify import Classification, classify
from semrouter_extproc.core.learned import Learned
from semrouter_extproc.core.ngrams import Buckets
from semrouter_extproc.core.policy import Choice, Policy, Reason
from semrouter_extproc.core.static import StaticModel, classify_static


class Verdict(msgspec.Struct, frozen=True):
    """A route for a text, and what the text was taken for."""

    choice: Choice
    classification: Classification


@dataclass(frozen=True, slots=True)
class Judge:
    """Centroids and policy; `static` is None where no static tier is there, or none is wanted.

    `learned` settles the open routes of `policy`.
    """

    centroids: Centroids
    static: StaticModel | None
    policy: Policy
    learned: Learned | None

    def by_words(self, buckets: Buckets) -> Verdict | None:
        """Judge by n-grams alone; None where they say nothing."""
        # Of a text without n-grams nothing is known, however many categories go one way.
        if self.static is None or not buckets.size:
            return None
        classification = classify_static(buckets, self.static)
        return Verdict(self.policy.choose(classification), classification)

    def by_vector(self, vector: NDArray[np.float32], text: str, buckets: Buckets) -> Verdict:
        """Judge by a text's unit vector `[D]` and its n-grams."""
        classification = classify(vector, buckets, self.centroids)
        choice = self.policy.choose(classification)
        if self.learned is not None:
            choice = self.learned.settled(choice, vector, text, buckets)
        return Verdict(choice, classification)

    def familiarity_rank(self, verdict: Verdict) -> float:
        """Return how familiar a prompt judged by its vector is, among those of its category."""
        found = verdict.classification
        return self.centroids.familiarity_rank(found.index, found.familiarity or 0.0)

    def is_sure(self, by_words: Verdict) -> bool:
        """Say whether a verdict by words alone stands without a vector."""
        bar = self.static.bar if self.static else 1.0
        return self.is_usable(by_words) and (by_words.choice.lead or 0.0) >= bar

    @staticmethod
    def is_usable(by_words: Verdict) -> bool:
        """Say whether a verdict by words alone is better than none."""
        # An open route is settled by the vector.
        choice = by_words.choice
        return choice.reason is Reason.ROUTED and not choice.route.arms

    def without_vector(self, reason: Reason) -> Choice:
        """Choose for a text of which nothing is known, for the `reason` why."""
        return self.policy.choose(reason)
