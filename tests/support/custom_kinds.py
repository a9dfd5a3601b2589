"""Kinds that Kubernetes itself does not know, by the schemas of tests/deploy/schemas."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator  # type: ignore[import-untyped]  # without stubs

_SCHEMAS = {path.stem: path for path in Path(__file__).parents[1].glob("deploy/schemas/*.json")}

KINDS = frozenset(_SCHEMAS)


def faults(document: dict[str, Any]) -> list[str]:
    """Return what is wrong with an object of one of these kinds, each fault with its path."""
    schema = json.loads(_SCHEMAS[document["kind"]].read_text(encoding="utf-8"))
    found = Draft7Validator(schema).iter_errors(document)
    return [f"{error.json_path}: {error.message}" for error in found]
