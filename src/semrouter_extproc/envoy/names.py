"""Names inside Envoy for what the configuration names freely."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

ROUTER_CLUSTER: Final = "semrouter"
LISTENER_CLUSTER: Final = "semrouter-answers"
"""The routers again, for what they are told: those streams last, and must not count as requests."""
COLLECTOR_CLUSTER: Final = "semrouter-traces"

# A dot ends a segment in Envoy's stat names, a slash and a plus mean something in queries.
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9-]")


def model_clusters(models: Iterable[str]) -> Mapping[str, str]:
    """Map each model to the name of its cluster, of its route, and in both their stats.

    Names are safe and distinct: `Qwen/Qwen3-8B` becomes `model-Qwen_Qwen3-8B`, and a second
    model that would become the same gets a number.
    """
    names: dict[str, str] = {}
    for model in models:
        names[model] = _distinct(f"model-{_UNSAFE.sub('_', model)}", set(names.values()))
    return names


def _distinct(name: str, taken: set[str]) -> str:
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    return candidate
