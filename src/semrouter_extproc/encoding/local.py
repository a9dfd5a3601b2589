"""The encoder that suits this machine: ONNX Runtime on a CPU, torch on a GPU."""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

import structlog

from semrouter_extproc.encoding.network import require_onnxruntime
from semrouter_extproc.encoding.onnx_encoder import OnnxEncoder
from semrouter_extproc.encoding.prepared import is_prepared, place_in_cache, prepare
from semrouter_extproc.encoding.torch_encoder import TorchEncoder
from semrouter_extproc.encoding.weights import folder_of
from semrouter_extproc.errors import EncoderUnavailable

Backend = Literal["auto", "onnx", "torch"]

# NVIDIA's, those of a Windows host, AMD's.
_GPU_DEVICES: Final = ("nvidia[0-9]*", "dxg", "kfd")

_log = structlog.get_logger(__name__)


def local_encoder(
    model: str, *, backend: Backend, device: str, workers: int
) -> OnnxEncoder | TorchEncoder:
    """Load `model`, preparing it first where that was not done yet.

    `backend` "auto" takes ONNX Runtime, but torch for a GPU and for a model that ONNX Runtime
    cannot run. Raises `EncoderUnavailable`.
    """
    torch_can = find_spec("sentence_transformers") is not None
    if backend == "torch" or device.startswith("cuda"):
        return TorchEncoder(model, device=device, workers=workers)
    folder = folder_of(model)
    if is_prepared(folder):
        return OnnxEncoder(folder, workers=workers)
    if backend == "auto" and device == "auto" and torch_can and _finds_gpu():
        return TorchEncoder(model, device=device, workers=workers)
    try:
        return _onnx_encoder(model, workers)
    except EncoderUnavailable as error:
        if backend == "onnx" or not torch_can:
            raise
        _log.warning("torch encodes, in more time than onnx would take", why=str(error))
        return TorchEncoder(model, device=device, workers=workers)


def prepared_in_cache(model: str, *, anew: bool = False) -> Path:
    """Return the folder of `model` for ONNX Runtime in the user's cache.

    It is prepared now if it was not before, or is wanted `anew`. Raises `EncoderUnavailable`.
    """
    folder = folder_of(model)
    place = place_in_cache(Path(model).name, folder)
    require_onnxruntime()
    if anew:
        shutil.rmtree(place, ignore_errors=True)
    if not is_prepared(place):
        prepare(Path(model).name, folder, place)
        _log.info("prepared the encoder, once", model=model, folder=str(place))
    return place


def _onnx_encoder(model: str, workers: int) -> OnnxEncoder:
    place = prepared_in_cache(model)
    try:
        return OnnxEncoder(place, workers=workers)
    except EncoderUnavailable as error:
        _log.warning("the prepared encoder is damaged, and prepared again", why=str(error))
        return OnnxEncoder(prepared_in_cache(model, anew=True), workers=workers)


def _finds_gpu() -> bool:
    # To ask torch takes seconds: only where there is something to ask about.
    if not any(next(Path("/dev").glob(name), None) for name in _GPU_DEVICES):
        return False
    import torch  # noqa: PLC0415 - an extra

    return torch.cuda.is_available()
