"""The pages that scripts write, against the router that they describe."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from semrouter_extproc.config import load, parse
from support.ports import free_port
from support.processes import running_router
from support.scripts import script

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGE = ROOT / "config" / "semrouter.yaml"
NAMED_BY_OPERATORS = {"models": "NAME", "routes": "CATEGORY"}


REFERENCE = script(DOCS / "reference.py")


def first_cells(document: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", (DOCS / document).read_text(), re.MULTILINE)


def paths(page: dict[str, Any], above: str = "") -> Iterator[str]:
    """Yield the path of every value of a page."""
    for key, value in page.items():
        here = f"{above}{NAMED_BY_OPERATORS.get(above.removesuffix('.'), key)}"
        if isinstance(value, dict) and value:
            yield from paths(value, f"{here}.")
        else:
            yield here


@pytest.mark.parametrize(
    ("name", "document"), [("reference", "configuration.md"), ("metrics", "metrics.md")]
)
def test_what_a_script_wrote_is_current(name: str, document: str) -> None:
    assert script(DOCS / f"{name}.py").written() == (DOCS / document).read_text(), "make reference"


def test_every_key_of_a_page_is_in_the_reference() -> None:
    page = load(PAGE).model_dump(mode="json")
    sections = {"dialects", "learned"}

    assert set(paths(page)) - sections <= set(first_cells("configuration.md"))


def test_every_comment_of_the_page_is_about_a_key() -> None:
    known = {key.path for key in REFERENCE.every_key()}

    commented = {path for path, words in REFERENCE.comments(PAGE.read_text()).items() if words}

    assert len(commented) > 60
    assert commented <= known


def test_every_key_that_the_page_shows_is_explained_there() -> None:
    said = REFERENCE.comments(PAGE.read_text())

    assert [path for path in paths(yaml.safe_load(PAGE.read_text())) if not said[path]] == []


def test_the_metrics_are_those_of_a_router(tmp_path: Path) -> None:
    page = {
        "models": {"qwen3": {"dialect": "qwen3", "endpoints": [f"127.0.0.1:{free_port()}"]}},
        "default": {"model": "qwen3"},
        "server": {"grpc": f"127.0.0.1:{free_port()}", "admin": f"127.0.0.1:{free_port()}"},
    }
    with running_router(parse(page, source="the test's page"), tmp_path) as router:
        _, text = router.get("/metrics")
    exported = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))

    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", (DOCS / "metrics.md").read_text(), re.MULTILINE)

    assert len(exported) > 15
    assert dict(row for row in rows if row[1] in {"counter", "gauge", "histogram"}) == exported
