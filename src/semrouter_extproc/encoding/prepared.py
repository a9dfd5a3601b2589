"""Encoders prepared for ONNX Runtime: made once from a model's weights, then only loaded.

A prepared encoder is a folder with `encoder.onnx`, `tokenizer.json` and `encoder.json`. It needs
neither torch nor the original weights.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from errno import EBUSY
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

import msgspec
import numpy as np
from platformdirs import user_cache_path
from safetensors import SafetensorError
from safetensors.numpy import load_file

from semrouter_extproc.core.probes import ALIKE, PROBES, likeness
from semrouter_extproc.encoding.bert import Array, Precision, sentence_graph
from semrouter_extproc.encoding.encoder import unit_rows
from semrouter_extproc.encoding.network import PREPARE_AGAIN, Network, Pooling
from semrouter_extproc.encoding.sentence_model import SentenceModel, describe
from semrouter_extproc.encoding.tokens import TextTokenizer, load_tokenizer
from semrouter_extproc.encoding.weights import (
    digest,
    fingerprint,
    first_line,
    require_digests,
    weight_files,
)
from semrouter_extproc.errors import EncoderUnavailable

NETWORK: Final = "encoder.onnx"
TOKENIZER: Final = "tokenizer.json"
CARD: Final = "encoder.json"

_VERSION: Final = 2
_SCRATCH: Final = ".preparing-"
_ABANDONED_SECONDS: Final = 3600.0


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a prepared encoder says about itself.

    `window` is the tokens that it reads of a text, after `prefix` was put before it. `cosine`
    is the least one between its vectors and those of the model in full precision. The two
    SHA-256 are of the files beside the card.
    """

    format: Literal[2] = 2
    fingerprint: str
    dimensions: int
    window: int
    prefix: str
    pooling: Pooling
    cosine: float
    network_sha256: str
    tokenizer_sha256: str


def is_prepared(folder: Path) -> bool:
    """Say whether `folder` holds a prepared encoder."""
    return (folder / CARD).is_file()


def read_card(folder: Path) -> Card:
    """Return what the prepared encoder in `folder` says. Raises `EncoderUnavailable`."""
    try:
        return msgspec.json.decode((folder / CARD).read_bytes(), type=Card)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise EncoderUnavailable(
            f"{folder / CARD} cannot be read: {first_line(error)}; {PREPARE_AGAIN}"
        ) from error


def require_intact(folder: Path, card: Card) -> None:
    """Raise `EncoderUnavailable` unless `folder` holds the bytes that `card` was written for."""
    pinned = {NETWORK: card.network_sha256, TOKENIZER: card.tokenizer_sha256}
    require_digests(folder, pinned, PREPARE_AGAIN)


def place_in_cache(name: str, folder: Path) -> Path:
    """Return where the encoder made from the model in `folder` belongs, made or not.

    Raises `EncoderUnavailable` where there is no place for a cache.
    """
    weights = fingerprint(name, folder).replace("@sha256:", "-")
    # The same weights are another encoder with another pooling, prompt or window.
    settings = sha256()
    for path in sorted(folder.rglob("*.json")):
        settings.update(path.read_bytes())
    place = f"{weights}-{settings.hexdigest()[:8]}-int8-{_VERSION}"
    try:
        return user_cache_path("semrouter") / "encoders" / place
    except RuntimeError as error:
        raise EncoderUnavailable(
            "without a home directory there is no place for the prepared encoder; "
            "set XDG_CACHE_HOME, or name a folder that `semrouter encoder export --out` wrote"
        ) from error


def prepare(name: str, folder: Path, out: Path) -> Card:
    """Make `out` a prepared encoder from the sentence-transformers model in `folder`.

    Whoever looks at `out` finds all of it or nothing. Raises `EncoderUnavailable` for a model
    that the graph cannot express or that does not survive rounding, and where `out` exists.
    """
    if is_prepared(folder):
        raise EncoderUnavailable(f"{folder} is prepared already; name the model itself")
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise EncoderUnavailable(f"{out} exists and is not empty; name another folder")
    model = describe(folder)
    weights = _weights(folder)
    # One after the other, each forgotten before the next: together they would take 500 MB.
    exact = _probed(folder, model, _graph(folder, weights, model, "float32"))
    network = _graph(folder, weights, model, "int8")
    card = Card(
        fingerprint=fingerprint(name, folder),
        dimensions=model.shape.width,
        window=model.window,
        prefix=model.prefix,
        pooling=model.pooling,
        cosine=round(likeness(_probed(folder, model, network), exact), 4),
        network_sha256=sha256(network).hexdigest(),
        tokenizer_sha256=digest(folder / TOKENIZER),
    )
    if card.cosine < ALIKE:
        raise EncoderUnavailable(
            f"{folder} does not survive 8-bit integers: its vectors turn to a cosine of "
            f"{card.cosine}, {ALIKE} is the least; set encoder.backend: torch"
        )
    try:
        _write(folder, network, card, out)
    except OSError as error:
        raise EncoderUnavailable(f"{out}: cannot be written: {error.strerror}") from error
    return card


def _graph(
    folder: Path, weights: Mapping[str, Array], model: SentenceModel, precision: Precision
) -> bytes:
    try:
        return sentence_graph(weights, model.shape, precision).SerializeToString()
    except KeyError as error:
        raise _unfit_weights(folder, f"they are not those of a BERT: {error}") from error


def _weights(folder: Path) -> dict[str, Array]:
    # Comes with onnx, whose absence is told later, and teaches numpy the type bfloat16.
    with suppress(ImportError):
        import ml_dtypes  # noqa: F401, PLC0415
    try:
        weights = {
            name.removeprefix("bert."): array.astype(np.float32)
            for path in weight_files(folder)
            for name, array in load_file(path).items()
        }
    # A TypeError is what numpy says to a type that it does not know.
    except (TypeError, SafetensorError) as error:
        raise _unfit_weights(folder, first_line(error)) from error
    if not all(np.isfinite(array).all() for array in weights.values()):
        raise _unfit_weights(folder, "they are not all finite")
    return weights


def _unfit_weights(folder: Path, why: str) -> EncoderUnavailable:
    return EncoderUnavailable(
        f"{folder}: its weights cannot be prepared: {why}; set encoder.backend: torch"
    )


def _probed(folder: Path, model: SentenceModel, graph: bytes) -> Array:
    """Return the unit vectors that `graph` gives the check sentences."""
    tokenizer = load_tokenizer(folder / TOKENIZER)
    batch = TextTokenizer(tokenizer, window=model.window, prefix=model.prefix)(PROBES)
    return unit_rows(Network(graph, model.pooling)(batch))


def _write(folder: Path, network: bytes, card: Card, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(out.parent)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=_SCRATCH) as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        _write_durably(made / NETWORK, network)
        _write_durably(made / TOKENIZER, (folder / TOKENIZER).read_bytes())
        document = msgspec.json.format(msgspec.json.encode(card), indent=2)
        _write_durably(made / CARD, document + b"\n")
        try:
            made.rename(out)
        except OSError as error:
            if error.errno == EBUSY:
                _fill(out, made)
            # Two routers that start together both prepare; the second finds it done.
            elif not is_prepared(out):
                raise


def _fill(out: Path, made: Path) -> None:
    """Fill a mount point or the working directory: an empty folder that cannot be replaced."""
    # The card comes last, since it is what a prepared encoder is known by.
    for name in (NETWORK, TOKENIZER, CARD):
        shutil.move(made / name, out / name)


def _remove_abandoned(parent: Path) -> None:
    """Remove what preparations that were killed left behind: it is as large as an encoder."""
    for scratch in parent.glob(f"{_SCRATCH}*"):
        with suppress(OSError):
            if time.time() - scratch.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(scratch, ignore_errors=True)


def _write_durably(path: Path, content: bytes) -> None:
    # Renamed before it is on the disk, a file could be found empty after a loss of power.
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
