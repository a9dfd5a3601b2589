"""Whether prompts are still like those that the categories were learned from.

A query divides what comes by what was learned from, over the time that it names: see
docs/operating.md.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric

from semrouter_extproc.core.centroids import SCOPE_SHARES
from semrouter_extproc.observe.histogram import Histogram, histogram_family

_LEADS: Final = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.99)


class Drift:
    """Prompts beside the examples of an artefact. Belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._examples: Mapping[str, int] = {}
        self._ranks = Histogram((*SCOPE_SHARES, 1.0))
        self._leads = Histogram(_LEADS)

    def learned_from(self, examples: Mapping[str, int]) -> None:
        """Note how many examples of each category are the measure from now on."""
        self._examples = examples

    def encoded(self, rank: float) -> None:
        """Count an encoded prompt by the share of its category's examples less familiar than it."""
        self._ranks.observe(rank)

    def judged(self, lead: float) -> None:
        """Count a prompt by the lead, in probability, of its route over the next."""
        self._leads.observe(lead)

    def collect(self) -> Iterable[Metric]:
        """Return everything as metrics."""
        shares = GaugeMetricFamily(
            "semrouter_learned_share",
            "The share of each category among the examples.",
            labels=["category"],
        )
        total = sum(self._examples.values())
        for category, count in self._examples.items():
            shares.add_metric([category], count / total)
        yield shares
        yield histogram_family(
            "semrouter_familiarity_rank",
            "Encoded prompts, by the share of their category's examples that are less familiar.",
            {(): self._ranks},
        )
        yield histogram_family(
            "semrouter_lead_ratio",
            "Prompts, by the lead in probability of the best route over the next.",
            {(): self._leads},
        )
