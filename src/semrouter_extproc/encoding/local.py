"""The encoder that suits this machine: ONNX Runtime on a CPU, torch on a GPU."""

from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

import structlog

from semrouter_extproc.encoding.onnx_encoder import OnnxEncoder
from semrouter_extproc.encoding.prepared import is_prepared, place_in_cache, prepare
from semrouter_extproc.encoding.torch_encoder import TorchEncoder
from semrouter_extproc.encoding.weights import folder_of
from semrouter_extproc.errors import EncoderUnavailable

Backend = Literal["auto", "onnx", "torch"]

_GPU_DEVICES: Final = ("nvidia[0-9]*", "dxg")

_log = structlog.get_logger(__name__)


def local_encoder(
    model: str, *, backend: Backend, device: str, workers: int
) -> OnnxEncoder | TorchEncoder:
    """Load `model`, preparing it first where that was not done yet.

    `backend` "auto" takes ONNX Runtime, but torch for a GPU and for a model that ONNX Runtime
    cannot run. Raises `EncoderUnavailable`.
    """
    # A prepared folder holds nothing for torch.
    torch_can = find_spec("torch") is not None and not is_prepared(folder_of(model))
    wants_gpu = device.startswith("cuda") or (device == "auto" and torch_can and _sees_gpu())
    if backend == "torch" or (backend == "auto" and wants_gpu):
        return TorchEncoder(model, device=device, workers=workers)
    try:
        return OnnxEncoder(prepared(model), workers=workers)
    except EncoderUnavailable as error:
        if backend == "onnx" or not torch_can:
            raise
        _log.warning("torch encodes, four times slower than onnx would", why=str(error))
        return TorchEncoder(model, device=device, workers=workers)


def prepared(model: str) -> Path:
    """Return the folder of `model` for ONNX Runtime, prepared now if it was not before."""
    folder = folder_of(model)
    if is_prepared(folder):
        return folder
    place = place_in_cache(Path(model).name, folder)
    if not is_prepared(place):
        _log.info("preparing the encoder, once", model=model, folder=str(place))
        prepare(Path(model).name, folder, place)
    return place


def _sees_gpu() -> bool:
    # To ask torch itself would cost seconds.
    return any(next(Path("/dev").glob(name), None) for name in _GPU_DEVICES)
