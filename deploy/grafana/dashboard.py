"""Write semrouter.json, the dashboard that Grafana imports, from panels.yaml."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parent
PANELS: Final = FOLDER / "panels.yaml"
DASHBOARD: Final = FOLDER / "semrouter.json"

_Json = dict[str, Any]

_WIDTH: Final = 24
_COLUMNS: Final = 3
_HEIGHT: Final = 8
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


def dashboard() -> _Json:
    """Return the dashboard, as Grafana imports it."""
    return {
        "title": "semrouter",
        "uid": "semrouter",
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]
        },
        "panels": list(_panels()),
    }


def written() -> str:
    """Return the file's text."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


def _panels() -> Iterator[_Json]:
    top, number = 0, 0
    for title, panels in yaml.safe_load(PANELS.read_text(encoding="utf-8")).items():
        number += 1
        place = {"x": 0, "y": top, "w": _WIDTH, "h": 1}
        yield {"id": number, "type": "row", "title": title, "gridPos": place, "panels": []}
        top += 1
        for index, panel in enumerate(panels):
            number += 1
            row, column = divmod(index, _COLUMNS)
            width = _WIDTH // _COLUMNS
            place = {"x": column * width, "y": top + row * _HEIGHT, "w": width, "h": _HEIGHT}
            yield {"id": number, "gridPos": place, **_drawn(panel)}
        top += -(-len(panels) // _COLUMNS) * _HEIGHT


def _drawn(panel: _Json) -> _Json:
    is_stacked, is_number = panel.get("stacked", False), panel.get("number", False)
    lines = {
        "fillOpacity": 20 if is_stacked else 0,
        "stacking": {"mode": "normal" if is_stacked else "none"},
    }
    custom = {} if is_number else lines
    return {
        "type": "stat" if is_number else "timeseries",
        "title": panel["title"],
        "description": panel["about"],
        "datasource": _SOURCE,
        "fieldConfig": {
            "defaults": {"unit": panel["unit"], "min": 0, "custom": custom},
            "overrides": [],
        },
        "targets": [
            {"refId": letter, "datasource": _SOURCE, "expr": query, "legendFormat": legend}
            for letter, (legend, query) in zip("ABCDEFGH", panel["queries"].items(), strict=False)
        ],
    }


if __name__ == "__main__":
    DASHBOARD.write_text(written(), encoding="utf-8")
