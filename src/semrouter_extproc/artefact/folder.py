"""Writing and reading an artefact.

It is `meta.json`, `centroids.safetensors` and, where the examples were enough for a static
tier, `static.safetensors`.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from semrouter_extproc.artefact.meta import Meta
from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.core.probes import PROBES
from semrouter_extproc.core.static import StaticModel
from semrouter_extproc.errors import ArtefactError

BUILT_IN: Final = Path(__file__).parent.parent / "artefacts"

_TENSORS: Final = "centroids.safetensors"
_STATIC_TENSORS: Final = "static.safetensors"
_META: Final = "meta.json"
_AGAIN: Final = "fit it again, or restore the folder"

_Tensors = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True, eq=False)
class Artefact:
    """Centroids, what is known about them, and the static tier in front of them, if any.

    `probes` is `[len(PROBES), D]`: the vectors that the encoder of the fit gave those texts.
    """

    centroids: Centroids
    probes: NDArray[np.float32]
    meta: Meta
    static: StaticModel | None = None


def resolve(name: str) -> Path:
    """Return the folder of a built-in artefact such as "mmlu-pro", or `name` as a path."""
    built_in = BUILT_IN / name
    return built_in if name and built_in.is_dir() else Path(name)


def save(folder: Path, artefact: Artefact) -> None:
    """Write the files, creating the folder. Raises ArtefactError."""
    document = msgspec.json.format(msgspec.json.encode(artefact.meta), indent=2)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _TENSORS).write_bytes(_centroid_bytes(artefact))
        if artefact.static is None:
            (folder / _STATIC_TENSORS).unlink(missing_ok=True)
        else:
            (folder / _STATIC_TENSORS).write_bytes(_static_bytes(artefact.static))
        (folder / _META).write_bytes(document + b"\n")
    except OSError as error:
        raise ArtefactError(f"{folder}: cannot be written: {error.strerror}") from error


def load(folder: Path) -> Artefact:
    """Read a folder that `save` wrote. Raises ArtefactError that names what is wrong."""
    meta = _read_meta(folder / _META)
    tensors = _read_tensors(folder / _TENSORS, {"owners", "probes", "prototypes"})
    with _blamed_on(folder):
        centroids, probes = _centroids(meta, tensors), _probes(meta, tensors)
    return Artefact(centroids, probes, meta, _load_static(folder, meta))


def _load_static(folder: Path, meta: Meta) -> StaticModel | None:
    if meta.static is None:
        return None
    tensors = _read_tensors(folder / _STATIC_TENSORS, {"rarity", "weights"})
    with _blamed_on(folder):
        return StaticModel(
            labels=meta.labels,
            weights=tensors["weights"].astype(np.float32),
            rarity=tensors["rarity"].astype(np.float32),
            temperature=meta.static.temperature,
            bar=meta.static.bar,
        )


@contextmanager
def _blamed_on(folder: Path) -> Iterator[None]:
    try:
        yield
    except ArtefactError as error:
        raise ArtefactError(f"{folder}: {error}; {_AGAIN}") from error


def _centroid_bytes(artefact: Artefact) -> bytes:
    centroids = artefact.centroids
    owners = centroids.owners.astype(np.int32)
    return save_tensors(
        {"prototypes": centroids.prototypes, "owners": owners, "probes": artefact.probes}
    )


def _static_bytes(static: StaticModel) -> bytes:
    # Half the size, and still more digits than a lead depends on.
    return save_tensors(
        {
            "weights": static.weights.astype(np.float16),
            "rarity": static.rarity.astype(np.float16),
        }
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        built_in = ", ".join(sorted(found.name for found in BUILT_IN.iterdir() if found.is_dir()))
        raise ArtefactError(
            f"{path}: {error.strerror}; name a folder that `semrouter fit` wrote, "
            f"or a built-in one: {built_in}"
        ) from error


def _read_meta(path: Path) -> Meta:
    try:
        return msgspec.json.decode(_read(path), type=Meta)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ArtefactError(f"{path}: {error}; {_AGAIN}") from error


def _read_tensors(path: Path, names: Iterable[str]) -> _Tensors:
    try:
        tensors = load_tensors(_read(path))
    except (SafetensorError, KeyError, ValueError) as error:
        raise ArtefactError(f"{path}: damaged: {error}; {_AGAIN}") from error
    if set(tensors) != set(names):
        found, wanted = ", ".join(sorted(tensors)) or "nothing", ", ".join(sorted(names))
        raise ArtefactError(f"{path}: holds {found}, not {wanted}; {_AGAIN}")
    return tensors


def _centroids(meta: Meta, tensors: _Tensors) -> Centroids:
    centroids = Centroids(
        labels=meta.labels,
        prototypes=tensors["prototypes"],  # type: ignore[arg-type]  # Centroids checks the dtype
        owners=tensors["owners"].astype(np.intp),
        sharpness=meta.sharpness,
        temperature=meta.temperature,
    )
    if centroids.dimensions != meta.dimensions:
        raise ArtefactError(
            f"{_META} says {meta.dimensions} dimensions, {_TENSORS} has {centroids.dimensions}"
        )
    if len(meta.medoids) != len(centroids.owners):
        raise ArtefactError(
            f"{_META} names {len(meta.medoids)} medoids, {_TENSORS} has "
            f"{len(centroids.owners)} prototypes"
        )
    return centroids


def _probes(meta: Meta, tensors: _Tensors) -> NDArray[np.float32]:
    probes, shape = tensors["probes"].astype(np.float32), (len(PROBES), meta.dimensions)
    if probes.shape != shape:
        raise ArtefactError(f"probes are {list(probes.shape)}, they must be {list(shape)}")
    return probes
