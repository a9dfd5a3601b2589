"""How often a shadow would have decided otherwise."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from prometheus_client.core import Metric

from semrouter_extproc.core.policy import Choice
from semrouter_extproc.observe.counters import counter_family


class Comparison(StrEnum):
    """How a prompt's route compares with the shadow's."""

    AGREED = "agreed"
    DISAGREED = "disagreed"
    UNKNOWN = "unknown"


class ShadowCounts:
    """Prompts by what the shadow says of them. Belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._prompts: Counter[Comparison] = Counter()
        self._disagreements: Counter[tuple[str, ...]] = Counter()

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
        yield counter_family(
            "semrouter_shadow_prompts",
            "Prompts, by whether the shadow would take the same model and reasoning.",
            {(outcome,): self._prompts[outcome] for outcome in Comparison},
            ["outcome"],
        )
        yield counter_family(
            "semrouter_shadow_disagreements",
            "Prompts that the shadow would send another way, by both categories and ways.",
            self._disagreements,
            ["category", "shadow_category", "way", "shadow_way"],
        )


def _way(choice: Choice) -> str:
    return f"{choice.route.model} {choice.route.reasoning}"
