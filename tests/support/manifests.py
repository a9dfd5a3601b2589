"""The manifests of deploy/gateways, as their files say them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

GATEWAYS = Path(__file__).parents[2] / "deploy" / "gateways"

NAMES = sorted(path.stem for path in GATEWAYS.glob("*.yaml") if path.stem != "values")

Manifest = dict[str, Any]


def manifests(name: str) -> Sequence[Manifest]:
    """Return every object of one gateway's file."""
    text = (GATEWAYS / f"{name}.yaml").read_text(encoding="utf-8")
    return list(yaml.safe_load_all(text))


def manifest(name: str, kind: str) -> Manifest:
    """Return the one object of this kind."""
    (found,) = [each for each in manifests(name) if each["kind"] == kind]
    return found


def chart_values() -> dict[str, Any]:
    """Return the values of the router that every gateway asks."""
    values: dict[str, Any] = yaml.safe_load((GATEWAYS / "values.yaml").read_text(encoding="utf-8"))
    return values
