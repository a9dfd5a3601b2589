"""Write a bill of materials for each image: what its lock pins, torch, the encoder's weights.

The same locks and packages give the same bytes: there is no time in it, and nothing by chance.
"""
# The library is here only once `make sbom` has installed it.
# mypy: disable-error-code="import-not-found"

import re
from collections.abc import Iterator
from importlib.metadata import metadata, requires
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5

import yaml
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from semrouter_extproc.encoding.pins import ALL_MINILM_L6_V2

FOLDER: Final = Path(__file__).parent
ROOT: Final = FOLDER.parents[1]
LICENCES: Final = yaml.safe_load((FOLDER / "licences.yaml").read_text(encoding="utf-8"))

PROJECT: Final = "semrouter-extproc"
IMAGES: Final = {
    "onnx": ("onnx.lock", ("onnx", "otel")),
    "torch": ("runtime.lock", ("onnx", "torch", "otel")),
}
# The images' own, whatever machine this runs on.
MACHINE: Final = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.12.0",
    "python_version": "3.12",
    "sys_platform": "linux",
}

_ENTRY: Final = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>\S+)(?: ; (?P<marker>.+?))? \\\n"
    r"(?P<hashes>(?: +--hash=sha256:.+\n)+)",
    re.MULTILINE,
)
_HOMES: Final = ("homepage", "home", "repository", "source", "source code", "github")


class Pin(NamedTuple):
    """A package as a lock has it."""

    name: str
    version: str
    hashes: tuple[str, ...]


def pins(lock: str) -> Iterator[Pin]:
    """Yield what an image takes of a file in requirements/."""
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    for entry in _ENTRY.finditer(text):
        if not entry["marker"] or Marker(entry["marker"]).evaluate(MACHINE):
            hashes = sorted(re.findall("sha256:([0-9a-f]+)", entry["hashes"]))
            yield Pin(entry["name"], entry["version"], tuple(hashes))


def written(image: str) -> str:
    """Return the bill of materials of `image`. Raises `ValueError` for one that is not valid."""
    lock, extras = IMAGES[image]
    packages = {pin.name: _package(pin) for pin in pins(lock)}
    if "torch" in extras:
        packages["torch"] = _torch()
    project = _project(image)
    bom = Bom(
        metadata=BomMetaData(component=project),
        components=[*packages.values(), _weights()],
        serial_number=uuid5(NAMESPACE_URL, (ROOT / "requirements" / lock).read_text("utf-8")),
    )
    bom.metadata.timestamp = None
    bom.register_dependency(project, _required(PROJECT, packages, extras))
    for name, package in packages.items():
        bom.register_dependency(package, _required(name, packages))
    document: str = JsonV1Dot6(bom).output_as_string(indent=1)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(document):
        raise ValueError(f"the bill of {image} is not valid: {error}")
    return document + "\n"


def _project(image: str) -> Any:  # noqa: ANN401 - the library may be absent
    version = metadata(PROJECT)["Version"]
    return Component(
        type=ComponentType.APPLICATION,
        name=PROJECT,
        version=version,
        bom_ref=PROJECT,
        description=f"The image with ENCODER={image}, without what its base brings.",
        licenses=_licences("Apache-2.0"),
        purl=PackageURL("pypi", name=PROJECT, version=version),
    )


def _package(pin: Pin, description: str | None = None) -> Any:  # noqa: ANN401 - as above
    return Component(
        type=ComponentType.LIBRARY,
        name=pin.name,
        version=pin.version,
        bom_ref=pin.name,
        description=description,
        hashes=_hashes(*pin.hashes),
        licenses=_licences(licence(pin.name)),
        purl=PackageURL("pypi", name=pin.name, version=pin.version),
        external_references=_websites(*homes(pin.name)),
    )


def _torch() -> Any:  # noqa: ANN401 - as above
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (version,) = re.findall(r"torch==([\d.]+)", dockerfile)
    return _package(
        Pin("torch", version, ()),
        "Pinned by its version alone. What pip resolves for it, CUDA among it, is not listed.",
    )


def _weights() -> Any:  # noqa: ANN401 - as above
    known = LICENCES["weights"]
    group, name = known["name"].split("/")
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        group=group,
        name=name,
        version=known["revision"],
        bom_ref=name,
        description="Its model.safetensors, from which the image's encoder was prepared.",
        hashes=_hashes(ALL_MINILM_L6_V2["model.safetensors"]),
        licenses=_licences(known["licence"]),
        purl=PackageURL("huggingface", group, name, known["revision"]),
        external_references=_websites(f"https://huggingface.co/{known['name']}"),
    )


def _hashes(*digests: str) -> list[Any]:
    return [HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in digests]


def _websites(*urls: str) -> list[Any]:
    return [ExternalReference(type=ExternalReferenceType.WEBSITE, url=XsUri(url)) for url in urls]


def _licences(expression: str) -> list[Any]:
    return [LicenseFactory().make_from_string(expression)]


def licence(name: str) -> str:
    """Return the licence of an installed package, in SPDX's terms."""
    return str(metadata(name)["License-Expression"] or LICENCES["licences"][name])


def homes(name: str) -> list[str]:
    """Return the home of an installed package, if it has one."""
    about = metadata(name)
    labelled = (each.split(", ", 1) for each in about.get_all("Project-URL", []))
    urls = {label.lower(): url for label, url in labelled}
    named = [about["Home-page"], LICENCES["homes"].get(name), *map(urls.get, _HOMES)]
    return [home for home in named if home][:1]


def _required(name: str, among: dict[str, Any], extras: tuple[str, ...] = ("",)) -> list[Any]:
    """Return those components that a package asks for."""
    wanted = set()
    for each in map(Requirement, requires(name) or ()):
        if any(not each.marker or each.marker.evaluate(MACHINE | {"extra": it}) for it in extras):
            wanted.add(canonicalize_name(each.name))
    return [among[each] for each in sorted(wanted & among.keys())]


if __name__ == "__main__":
    for each in IMAGES:
        (FOLDER / f"{each}.cdx.json").write_text(written(each), encoding="utf-8")
