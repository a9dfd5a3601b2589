"""The folder that holds what `fit` learned: `centroids.safetensors` and `meta.json`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.errors import ArtefactError

BUILT_IN: Final = Path(__file__).parent / "artefacts"

_TENSORS: Final = "centroids.safetensors"
_META: Final = "meta.json"
_AGAIN: Final = "fit it again, or restore the folder"


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that examples came from. `sha256` is of its bytes as they lie on disk."""

    file: str
    sha256: str
    rows: int


class Judgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How prototypes did on rows that they were not fitted on.

    `ece` is the expected calibration error; `log_loss` is in nats.
    """

    rows: int
    accuracy: float
    macro_f1: float
    log_loss: float
    ece: float


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where centroids came from and how good they were.

    `categories` counts the rows that the prototypes were fitted on. `held_out` judges
    prototypes fitted without the held-out rows; `refitted` says that the prototypes in the
    folder were then fitted again on all rows, with the same settings.
    """

    command: str
    origin: str
    licence: str
    sources: tuple[Source, ...]
    precision: str
    categories: dict[str, int]
    cross_validation: Judgement
    held_out: Judgement | None
    refitted: bool


class Meta(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything about the centroids that is no array.

    `encoder` is the fingerprint of the encoder whose vectors they were fitted on. `medoids`
    names, for each prototype, the example of its category that lies closest to it.
    """

    format: Literal[1] = 1
    labels: tuple[str, ...]
    encoder: str
    dimensions: int
    sharpness: float
    temperature: float
    medoids: tuple[str, ...]
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Artefact:
    """Centroids and what is known about them."""

    centroids: Centroids
    meta: Meta


def resolve(name: str) -> Path:
    """Return the folder of a built-in artefact such as "mmlu-pro", or `name` as a path."""
    built_in = BUILT_IN / name
    return built_in if name and built_in.is_dir() else Path(name)


def save(folder: Path, artefact: Artefact) -> None:
    """Write the two files, creating the folder. Raises ArtefactError."""
    centroids = artefact.centroids
    tensors = {"prototypes": centroids.prototypes, "owners": centroids.owners.astype(np.int32)}
    document = msgspec.json.format(msgspec.json.encode(artefact.meta), indent=2)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _TENSORS).write_bytes(save_tensors(tensors))
        (folder / _META).write_bytes(document + b"\n")
    except OSError as error:
        raise ArtefactError(f"{folder}: cannot be written: {error.strerror}") from error


def load(folder: Path) -> Artefact:
    """Read a folder that `save` wrote. Raises ArtefactError that names what is wrong."""
    meta = _read_meta(folder / _META)
    tensors = _read_tensors(folder / _TENSORS)
    try:
        centroids = _assemble(meta, tensors)
    except ArtefactError as error:
        raise ArtefactError(f"{folder}: {error}; {_AGAIN}") from error
    return Artefact(centroids, meta)


def require_encoder(artefact: Artefact, fingerprint: str, dimensions: int) -> None:
    """Raise ArtefactError unless the centroids were fitted on this encoder's vectors."""
    meta = artefact.meta
    if (meta.encoder, meta.dimensions) != (fingerprint, dimensions):
        raise ArtefactError(
            f"the centroids were fitted with encoder {meta.encoder} ({meta.dimensions} "
            f"dimensions), but the configured encoder is {fingerprint} ({dimensions} "
            "dimensions); configure that encoder, or fit centroids with this one: semrouter fit"
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


def _read_tensors(path: Path) -> Mapping[str, NDArray[np.generic]]:
    try:
        tensors = load_tensors(_read(path))
    except (SafetensorError, KeyError, ValueError) as error:
        raise ArtefactError(f"{path}: damaged: {error}; {_AGAIN}") from error
    if set(tensors) != {"prototypes", "owners"}:
        found = ", ".join(sorted(tensors)) or "nothing"
        raise ArtefactError(f"{path}: holds {found}, not owners and prototypes; {_AGAIN}")
    return tensors


def _assemble(meta: Meta, tensors: Mapping[str, NDArray[np.generic]]) -> Centroids:
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
