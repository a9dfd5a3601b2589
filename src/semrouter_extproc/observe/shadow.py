"""How often a shadow would have decided otherwise."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from prometheus_client.core import CounterMetricFamily, Metric

from semrouter_extproc.core.policy import Choice


class Comparison(StrEnum):
    """How a prompt's route compares with the shadow's."""

    AGREED = "agreed"
    DISAGREED = "disagreed"
    UNKNOWN = "unknown"


class ShadowCounts:
    """Prompts by what the shadow says of them. Belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._prompts: Counter[Comparison] = Counter()
        self._disagreements: Counter[tuple[str, str, str, str]] = Counter()

    def compare(self, choice: Choice, shadow: Choice | None) -> None:
        """Count a prompt by its route and the shadow's, None where the shadow could not tell."""
        if shadow is None:
            self._prompts[Comparison.UNKNOWN] += 1
        elif _way(choice) == _way(shadow):
            self._prompts[Comparison.AGREED] += 1
        else:
            self._prompts[Comparison.DISAGREED] += 1
            categories = choice.category or "", shadow.category or ""
            self._disagreements[(*categories, _way(choice), _way(shadow))] += 1

    def collect(self) -> Iterable[Metric]:
        """Return the counts as metrics."""
        prompts = CounterMetricFamily(
            "semrouter_shadow_prompts",
            "Prompts, by whether the shadow would take the same model and reasoning.",
            labels=["outcome"],
        )
        for outcome in Comparison:
            prompts.add_metric([outcome], self._prompts[outcome])
        yield prompts
        disagreements = CounterMetricFamily(
            "semrouter_shadow_disagreements",
            "Prompts that the shadow would send another way, by both categories and ways.",
            labels=["category", "shadow_category", "way", "shadow_way"],
        )
        for labels, count in self._disagreements.items():
            disagreements.add_metric(labels, count)
        yield disagreements


def _way(choice: Choice) -> str:
    return f"{choice.route.model} {choice.route.reasoning}"
