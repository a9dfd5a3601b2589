"""Write the tables of licences.md from the images' bills of materials.

The introduction of licences.md, above a mark, is written by hand and stays.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parent
PAGE: Final = FOLDER / "licences.md"
SBOM: Final = FOLDER.parent / "deploy" / "sbom"

_Component = dict[str, Any]

_MARK: Final = "<!-- What follows is written by docs/licences.py -->\n"


def written() -> str:
    """Return the file's text."""
    allowed = yaml.safe_load((SBOM / "licences.yaml").read_text(encoding="utf-8"))["allowed"]
    lines = [
        *("", "## Licences that may come in", "", "| licence | why |", "| --- | --- |"),
        *(f"| `{licence}` | {why} |" for licence, why in allowed.items()),
        *("", "## In the images", ""),
        *("| package | version | licence | home | image |", "| --- | --- | --- | --- | --- |"),
        *_rows(),
    ]
    introduction, _, _ = PAGE.read_text(encoding="utf-8").partition(_MARK)
    return introduction + _MARK + "\n".join(lines) + "\n"


def _rows() -> Iterator[str]:
    for_cpus, for_gpus = (_components(image) for image in ("onnx", "torch"))
    for name, component in sorted((for_cpus | for_gpus).items(), key=lambda item: item[0].lower()):
        images = "both" if name in for_cpus.keys() & for_gpus.keys() else "GPUs"
        cells = name, component["version"], licence(component), _home(component), images
        yield f"| {' | '.join(cells)} |"


def _components(image: str) -> dict[str, _Component]:
    bill = json.loads((SBOM / f"{image}.cdx.json").read_text(encoding="utf-8"))
    return {component["name"]: component for component in bill["components"]}


def licence(component: _Component) -> str:
    """Return the licence of a component, in SPDX's terms."""
    (stated,) = component["licenses"]
    return str(stated.get("expression") or stated["license"]["id"])


def _home(component: _Component) -> str:
    websites = component.get("externalReferences")
    return f"<{websites[0]['url']}>" if websites else "none stated"


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
