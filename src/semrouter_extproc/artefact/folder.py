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

from semrouter_extproc.artefact.meta import FORMAT, Meta, require_format
from semrouter_extproc.artefact.outcomes import OUTCOMES, OUTCOMES_TENSORS, load_outcomes
from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.core.kernel import KernelModel
from semrouter_extproc.core.ngrams import NgramModel
from semrouter_extproc.core.outcomes import Outcomes
from semrouter_extproc.core.probes import PROBES
from semrouter_extproc.core.static import StaticModel
from semrouter_extproc.errors import ArtefactError

BUILT_IN: Final = Path(__file__).parent.parent / "artefacts"

_TENSORS: Final = "centroids.safetensors"
_STATIC_TENSORS: Final = "static.safetensors"
_META: Final = "meta.json"
_AGAIN: Final = "fit it again, or restore the folder"
_NAMES: Final = frozenset(
    (
        "landmarks",
        "weights",
        "offset",
        "rarity",
        "ngram_weights",
        "owners",
        "scope",
        "probes",
        "seen",
    )
)

_Tensors = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True, eq=False)
class Artefact:
    """Centroids, what is known about them, and the static tier in front of them, if any.

    `outcomes` is what `semrouter tune` learned from records, None where it did not.
    `probes` is `[len(PROBES), D]`: the vectors that the encoder of the fit gave those texts.
    `seen` holds a hash of each text that was learned from, so that nobody judges by them.
    """

    centroids: Centroids
    probes: NDArray[np.float32]
    seen: NDArray[np.uint64]
    meta: Meta
    static: StaticModel | None = None
    outcomes: Outcomes | None = None


def resolve(name: str) -> Path:
    """Return the folder of a built-in artefact such as "mmlu-pro", or `name` as a path."""
    built_in = BUILT_IN / name
    return built_in if name and built_in.is_dir() else Path(name)


def save(folder: Path, artefact: Artefact) -> None:
    """Write centroids and static tier, creating the folder. Raises ArtefactError.

    What records taught is not kept: `outcomes.save_outcomes` writes it after this.
    """
    document = msgspec.json.format(msgspec.json.encode(artefact.meta), indent=2)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _TENSORS).write_bytes(_centroid_bytes(artefact))
        if artefact.static is None:
            (folder / _STATIC_TENSORS).unlink(missing_ok=True)
        else:
            (folder / _STATIC_TENSORS).write_bytes(_static_bytes(artefact.static))
        # Of other centroids, perhaps of another encoder.
        for name in (OUTCOMES, OUTCOMES_TENSORS):
            (folder / name).unlink(missing_ok=True)
        (folder / _META).write_bytes(document + b"\n")
    except OSError as error:
        raise ArtefactError(f"{folder}: cannot be written: {error.strerror}") from error


def load(folder: Path) -> Artefact:
    """Read a folder that `save` wrote. Raises ArtefactError that names what is wrong."""
    meta = _read_meta(folder / _META)
    tensors = _read_tensors(folder / _TENSORS, _NAMES)
    with _blamed_on(folder):
        centroids, probes = _centroids(meta, tensors), _probes(meta, tensors)
    return Artefact(
        centroids=centroids,
        probes=probes,
        seen=tensors["seen"].astype(np.uint64),
        meta=meta,
        static=_load_static(folder, meta),
        outcomes=_outcomes(folder, meta),
    )


def _outcomes(folder: Path, meta: Meta) -> Outcomes | None:
    found = load_outcomes(folder)
    if found is None:
        return None
    outcomes, encoder = found.outcomes, found.meta.encoder
    if encoder != meta.encoder or outcomes.dimensions not in (None, meta.dimensions):
        raise ArtefactError(
            f"{folder}: records were read by encoder {encoder}, but the centroids were "
            f"fitted with {meta.encoder}; run `semrouter tune` again"
        )
    return outcomes


def _load_static(folder: Path, meta: Meta) -> StaticModel | None:
    if meta.static is None:
        return None
    tensors = _read_tensors(folder / _STATIC_TENSORS, {"rarity", "weights"})
    with _blamed_on(folder):
        return StaticModel(
            labels=meta.labels,
            ngrams=NgramModel(_single(tensors["rarity"]), _single(tensors["weights"])),
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
    centroids, model = artefact.centroids, artefact.centroids.model
    return _tensor_bytes(
        {
            "landmarks": _half(model.landmarks),
            "weights": model.weights,
            "offset": model.offset,
            "rarity": _half(model.ngrams.rarity),
            "ngram_weights": _half(model.ngrams.weights),
            "owners": centroids.owners.astype(np.int32),
            "scope": centroids.scope,
            "probes": artefact.probes,
            "seen": artefact.seen,
        }
    )


def _static_bytes(static: StaticModel) -> bytes:
    return _tensor_bytes(
        {"weights": _half(static.ngrams.weights), "rarity": _half(static.ngrams.rarity)}
    )


def _tensor_bytes(tensors: _Tensors) -> bytes:
    # safetensors writes an array's memory as it lies, even where that is column by column.
    return save_tensors({name: np.ascontiguousarray(array) for name, array in tensors.items()})


def _half(array: NDArray[np.float32]) -> NDArray[np.float16]:
    # Half the size, and still more digits than a decision depends on.
    return array.astype(np.float16)


def _single(array: NDArray[np.generic]) -> NDArray[np.float32]:
    return array.astype(np.float32)


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
    document = _read(path)
    try:
        require_format(document, FORMAT)
        return msgspec.json.decode(document, type=Meta)
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
    model = KernelModel(
        landmarks=_single(tensors["landmarks"]),
        weights=_single(tensors["weights"]),
        offset=_single(tensors["offset"]),
        ngrams=NgramModel(_single(tensors["rarity"]), _single(tensors["ngram_weights"])),
        sharpness=meta.sharpness,
    )
    centroids = Centroids(
        labels=meta.labels,
        model=model,
        owners=tensors["owners"].astype(np.intp),
        temperature=meta.temperature,
        scope=_single(tensors["scope"]),
    )
    if centroids.dimensions != meta.dimensions:
        raise ArtefactError(
            f"{_META} says {meta.dimensions} dimensions, {_TENSORS} has {centroids.dimensions}"
        )
    if len(meta.landmarks) != len(model.landmarks):
        raise ArtefactError(
            f"{_META} names {len(meta.landmarks)} landmarks, {_TENSORS} has {len(model.landmarks)}"
        )
    return centroids


def _probes(meta: Meta, tensors: _Tensors) -> NDArray[np.float32]:
    probes, shape = _single(tensors["probes"]), (len(PROBES), meta.dimensions)
    if probes.shape != shape:
        raise ArtefactError(f"probes are {list(probes.shape)}, they must be {list(shape)}")
    return probes
