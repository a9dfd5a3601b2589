"""deploy/compose/compose.yaml as Compose reads it."""

from collections.abc import Mapping
from graphlib import TopologicalSorter
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import yaml

COMPOSE: Final = Path(__file__).parents[2] / "deploy" / "compose"

Service = Mapping[str, Any]
Services = Mapping[str, Service]


def every_service() -> Services:
    """Return the services of all profiles."""
    page = yaml.safe_load((COMPOSE / "compose.yaml").read_text(encoding="utf-8"))
    services: Services = page["services"]
    return services


def services(*profiles: str) -> Services:
    """Return what `docker compose up` starts with these profiles."""
    return {
        name: service
        for name, service in every_service().items()
        if "profiles" not in service or set(service["profiles"]) & set(profiles)
    }


def start_order(services: Services) -> list[str]:
    """Return the names of the services, each after all that it depends on."""
    awaited = {
        name: services.keys() & set(service.get("depends_on", ()))
        for name, service in services.items()
    }
    return list(TopologicalSorter(awaited).static_order())


def host_names(name: str, service: Service) -> set[str]:
    """Return the names by which other containers find a service."""
    networks = service.get("networks", {}).values()
    return {name, *(alias for network in networks for alias in network["aliases"])}


def served_names(vllm: Service) -> list[str]:
    """Return the models that a vLLM's command makes it serve."""
    words = [word for argument in vllm["command"] for word in argument.split("=", 1)]
    rest = words[words.index("--served-model-name") + 1 :]
    return list(takewhile(lambda word: not word.startswith("--"), rest))


def mounts(service: Service) -> dict[str, Path]:
    """Return the files of the repository that a container sees, by their path in there."""
    split = [volume.split(":") for volume in service.get("volumes", ())]
    return {inside: COMPOSE / outside for outside, inside, *_ in split if outside.startswith(".")}
