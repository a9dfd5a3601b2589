"""What a running part says of itself."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from semrouter_extproc.config import Address
from semrouter_extproc.workbench.loopback import get


def counted(admin: Address, name: str, label: str) -> Mapping[str, float]:
    """Return a counter of the router's, by one of its labels."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(get(admin, "/metrics")):
        for sample in family.samples:
            if sample.name == f"{name}_total":
                value = sample.labels[label]
                found[value] = found.get(value, 0.0) + sample.value
    return found
