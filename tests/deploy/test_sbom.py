"""The bills of materials in deploy/sbom, against the locks that the images are made from."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.markers import Marker

from semrouter_extproc.encoding.pins import ALL_MINILM_L6_V2
from support.scripts import script

ROOT = Path(__file__).parents[2]
SBOM = ROOT / "deploy" / "sbom"
LICENCES = script(ROOT / "docs" / "licences.py")
IMAGES = ("onnx", "torch")
LOCKS = [
    lock
    for folder in ("requirements", "src", "tests", "benchmarks")
    for lock in sorted((ROOT / folder).rglob("*.lock"))
]
IMAGE = {"python_full_version": "3.12.0", "python_version": "3.12", "sys_platform": "linux"}
WEIGHTS = "all-MiniLM-L6-v2"

Packages = dict[tuple[str, str], set[str]]


def locked(lock: Path) -> dict[str, set[str]]:
    """Return the digests of every requirement in a lock, by its first line."""
    lines = lock.read_text(encoding="utf-8").replace(" \\\n", "\n").splitlines()
    found: dict[str, set[str]] = {}
    for line in lines:
        if re.match(r"[\w.-]+", line):
            digests = found[line] = set()
        elif "--hash=" in line:
            digests.add(line.rpartition("sha256:")[2])
    return found


def of_the_image(lock: Path) -> Packages:
    packages = {}
    for requirement, digests in locked(lock).items():
        pin, _, marker = requirement.partition(" ; ")
        if not marker or Marker(marker).evaluate(IMAGE):
            name, _, version = pin.partition("==")
            packages[name, version] = digests
    return packages


def bill(image: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((SBOM / f"{image}.cdx.json").read_text(encoding="utf-8"))
    return document


def packages(image: str) -> Packages:
    return {
        (each["name"], each["version"]): {digest["content"] for digest in each.get("hashes", ())}
        for each in bill(image)["components"]
        if each["type"] == "library"
    }


def component(image: str, name: str) -> dict[str, Any]:
    (found,) = (each for each in bill(image)["components"] if each["name"] == name)
    return dict(found)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_of_every_lock_has_a_hash(lock: Path) -> None:
    requirements = locked(lock)

    assert requirements
    assert [line for line, digests in requirements.items() if not digests] == []


@pytest.mark.parametrize("lock", ["dev", "lowest", "onnx", "runtime", "export"])
def test_torch_alone_is_in_no_lock_since_its_hash_differs_between_builds(lock: str) -> None:
    requirements = locked(ROOT / "requirements" / f"{lock}.lock")

    assert [line for line in requirements if line.startswith("torch==")] == []


def test_the_bill_for_cpus_is_what_its_lock_pins() -> None:
    assert packages("onnx") == of_the_image(ROOT / "requirements" / "onnx.lock"), "run `make sbom`"


def test_the_bill_for_gpus_is_what_its_lock_pins_and_torch_without_a_hash() -> None:
    listed = packages("torch")
    (torch,) = (each for each in listed if each[0] == "torch")

    assert listed.pop(torch) == set()
    assert f" torch=={torch[1]}\n" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert listed == of_the_image(ROOT / "requirements" / "runtime.lock"), "run `make sbom`"


@pytest.mark.parametrize("image", IMAGES)
def test_the_weights_in_a_bill_are_those_that_the_router_insists_on(image: str) -> None:
    weights = component(image, WEIGHTS)

    assert weights["type"] == "machine-learning-model"
    assert weights["hashes"] == [
        {"alg": "SHA-256", "content": ALL_MINILM_L6_V2["model.safetensors"]}
    ]


@pytest.mark.parametrize("image", IMAGES)
def test_a_bill_is_of_this_project_and_has_no_time_in_it(image: str) -> None:
    about = bill(image)["metadata"]

    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert about["component"]["name"] == "semrouter-extproc"
    assert f'\nversion = "{about["component"]["version"]}"\n' in project
    assert "timestamp" not in about


@pytest.mark.parametrize("image", IMAGES)
def test_no_licence_comes_in_that_was_not_allowed(image: str) -> None:
    known = yaml.safe_load((SBOM / "licences.yaml").read_text(encoding="utf-8"))["allowed"]

    strange = {
        each["name"]: licence
        for each in bill(image)["components"]
        for licence in re.split(r" AND | OR |[()]", LICENCES.licence(each))
        if licence and licence not in known
    }
    assert strange == {}


def test_the_page_of_licences_is_current() -> None:
    assert LICENCES.written() == (ROOT / "docs" / "licences.md").read_text(), "run `make sbom`"


@pytest.mark.parametrize("lock", ["onnx", "runtime", "export"])
def test_every_package_of_an_image_has_its_line_on_the_page_of_licences(lock: str) -> None:
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")

    pinned = of_the_image(ROOT / "requirements" / f"{lock}.lock")
    assert [pin for pin in pinned if f"| {' | '.join(pin)} | " not in page] == []
