"""Write the chart's values.schema.json: its own values, and the router's page by its own model."""

import json
from pathlib import Path
from typing import Any, Final

from semrouter_extproc.config import Config

SCHEMA: Final = Path(__file__).parent / "semrouter" / "values.schema.json"

_Schema = dict[str, Any]

_TEXT: Final = {"type": "string"}
_FLAG: Final = {"type": "boolean"}
_OBJECT: Final = {"type": "object"}
_OBJECTS: Final = {"type": "array", "items": _OBJECT}
_TEXTS: Final = {"type": "object", "additionalProperties": _TEXT}
_QUANTITY: Final = {"type": ["string", "number"]}


def _number(least: int, *, optional: bool = False) -> _Schema:
    return {"type": ["integer", "null"] if optional else "integer", "minimum": least}


def _one_of(*values: str) -> _Schema:
    return {"enum": list(values)}


def _section(**properties: _Schema) -> _Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


_RESOURCES: Final = _section(
    requests={"type": "object", "additionalProperties": _QUANTITY},
    limits={"type": "object", "additionalProperties": _QUANTITY},
)


def values_schema() -> _Schema:
    """Return the JSON Schema of the chart's values."""
    page = Config.model_json_schema()
    definitions = page.pop("$defs")
    values = _section(
        config=page,
        reload=_one_of("live", "restart"),
        artefact=_section(configMap=_TEXT, persistentVolumeClaim=_TEXT),
        tls=_section(secret=_TEXT),
        image=_section(
            repository=_TEXT,
            tag=_TEXT,
            pullPolicy=_one_of("Always", "IfNotPresent", "Never"),
            pullSecrets=_OBJECTS,
        ),
        replicas=_number(0),
        resources=_RESOURCES,
        gpus=_number(0),
        env=_OBJECTS,
        podAnnotations=_TEXTS,
        podLabels=_TEXTS,
        nodeSelector=_TEXTS,
        tolerations=_OBJECTS,
        affinity=_OBJECT,
        topologySpread=_FLAG,
        podDisruptionBudget=_section(enabled=_FLAG, maxUnavailable={"type": ["integer", "string"]}),
        autoscaling=_section(
            enabled=_FLAG,
            min=_number(1),
            max=_number(1),
            cpu=_number(1, optional=True),
            queueDepth=_number(1, optional=True),
        ),
        serviceAccount=_section(create=_FLAG, name=_TEXT),
        networkPolicy=_section(enabled=_FLAG, envoy=_OBJECTS, metrics=_OBJECTS),
        serviceMonitor=_section(enabled=_FLAG, interval=_TEXT, labels=_TEXTS),
        envoy=_section(
            enabled=_FLAG,
            image=_TEXT,
            replicas=_number(1),
            resources=_RESOURCES,
            service=_section(
                type=_one_of("ClusterIP", "NodePort", "LoadBalancer"),
                port=_number(1),
                annotations=_TEXTS,
            ),
        ),
    )
    # Helm hands these to every chart.
    values["properties"]["global"] = _OBJECT
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": definitions,
        **values,
    }


def written() -> str:
    """Return the file's text."""
    return json.dumps(values_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(written(), encoding="utf-8")
