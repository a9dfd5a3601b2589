"""Counts in plain objects, as Prometheus wants them."""

from collections.abc import Mapping, Sequence

from prometheus_client.core import CounterMetricFamily


def counter_family(
    name: str, documentation: str, counts: Mapping[tuple[str, ...], int], labels: Sequence[str]
) -> CounterMetricFamily:
    """Return counts, by the values of `labels`, as one metric."""
    family = CounterMetricFamily(name, documentation, labels=labels)
    for values, count in counts.items():
        family.add_metric(values, count)
    return family
