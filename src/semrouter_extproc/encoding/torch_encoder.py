"""The encoder for GPUs, and for models that the other cannot express: torch.

torch and what stands on it take seconds and 300 MB to import, which commands without an
encoder need not pay: the functions that need them import them.
"""
# ruff: noqa: PLC0415

import logging
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.encoding.calibration import cheapest_batch
from semrouter_extproc.encoding.encoder import unit_rows
from semrouter_extproc.encoding.prepared import is_prepared
from semrouter_extproc.encoding.tokens import TextTokenizer, TokenIds, rectangle
from semrouter_extproc.encoding.weights import (
    DEFAULT_MODEL,
    INSTALL,
    fingerprint,
    first_line,
    folder_of,
    require_no_pickles,
)
from semrouter_extproc.errors import EncoderUnavailable

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

# On a GPU, one batch computes while the other is made ready.
_WORKERS_ON_CUDA: Final = 2

Precision = Literal["auto", "float32", "bfloat16"]


class TorchEncoder:
    """Sentence vectors from a sentence-transformers model.

    `model` is "all-MiniLM-L6-v2" (weights from an installed package, nothing is downloaded),
    a folder, or a name on the Hugging Face hub. `device` is "auto", "cpu" or "cuda". On the CPU,
    `workers` batches are encoded at a time, each by one thread. `precision` "auto" takes bfloat16
    where the hardware computes in it; vectors of either precision go with the same centroids.

    Raises EncoderUnavailable.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        device: str = "auto",
        workers: int = 1,
        precision: Precision = "auto",
    ) -> None:
        _require_sentence_transformers()
        folder = folder_of(model)
        if is_prepared(folder):
            raise EncoderUnavailable(
                f"{folder} is prepared for ONNX Runtime and holds nothing for torch; "
                "name the model itself"
            )
        require_no_pickles(folder)
        self._model = _load(model, folder, device, precision)
        self.fingerprint = fingerprint(Path(model).name, folder)
        self.workers = workers if self.device == "cpu" else _WORKERS_ON_CUDA
        self.tokenize = _tokenizer(self._model)
        self.dimensions = int(self.encode(self.tokenize(["dimensions"])).shape[1])

    @property
    def device(self) -> str:
        """Where the network runs: "cpu" or "cuda"."""
        return str(self._model.device.type)

    @property
    def precision(self) -> str:
        """What the network computes in: "float32" or "bfloat16"."""
        return str(self._model.dtype).removeprefix("torch.")

    @property
    def description(self) -> str:
        """What runs here, for people."""
        return f"torch {self.precision} on {self.device}"

    @cached_property
    def batch_cost(self) -> int:
        """The tokens of a batch past which more gain nothing, measured when first asked."""
        return cheapest_batch(self, thread_time if self.device == "cpu" else perf_counter)

    def encode(self, batch: Sequence[TokenIds]) -> NDArray[np.float32]:
        """Return one unit vector per text, `[len(batch), dimensions]`. Raises EncodingFailed."""
        import torch

        ids, lengths = rectangle(batch)
        mask = np.arange(ids.shape[1]) < lengths[:, None]
        features = {
            "input_ids": torch.from_numpy(ids).to(self._model.device),
            "attention_mask": torch.from_numpy(mask.astype(np.int64)).to(self._model.device),
        }
        with torch.inference_mode():
            tensor = self._model(features)["sentence_embedding"]
        return unit_rows(tensor.float().cpu().numpy())


def _require_sentence_transformers() -> None:
    if find_spec("sentence_transformers") is None:
        raise EncoderUnavailable(f"sentence-transformers is missing; {INSTALL}")


def _load(model: str, folder: Path, device: str, precision: Precision) -> "SentenceTransformer":
    import torch
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    # Batches at the same time use cores better than threads that share a batch.
    torch.set_num_threads(1)
    where = _device(device)
    try:
        return SentenceTransformer(
            str(folder),
            device=where,
            local_files_only=True,
            model_kwargs={"dtype": _dtype(where, precision), "use_safetensors": True},
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise EncoderUnavailable(
            f"encoder {model!r} cannot be loaded from {folder}: {first_line(error)}"
        ) from error


def _tokenizer(model: "SentenceTransformer") -> TextTokenizer:
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise EncoderUnavailable("the encoder's tokenizer has no tokenizer.json")
    prefix = model.prompts.get(model.default_prompt_name or "", "")
    return TextTokenizer(backend, window=model.max_seq_length, prefix=prefix)


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
