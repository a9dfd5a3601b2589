"""What an array read from an artefact must be before it is computed with."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.errors import ArtefactError

_UNIT_TOLERANCE: Final = 1e-3


def require_finite(name: str, array: NDArray[np.float32], shape: tuple[int | None, ...]) -> None:
    """Raise ArtefactError unless `array` is finite float32 of `shape`, where None is any length."""
    fits = len(array.shape) == len(shape) and all(
        wanted in (None, found) for found, wanted in zip(array.shape, shape, strict=True)
    )
    if not fits or array.dtype != np.float32:
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        raise ArtefactError(
            f"{name} are {array.dtype} {list(array.shape)}, they must be float32 [{wanted}]"
        )
    if not np.isfinite(array).all():
        raise ArtefactError(f"{name} are not all finite")


def require_unit_rows(name: str, array: NDArray[np.float32]) -> None:
    """Raise ArtefactError unless every row of `array`, `[N, D]`, has length 1."""
    lengths = np.linalg.norm(array, axis=1)
    wrong = np.flatnonzero(np.abs(lengths - 1) > _UNIT_TOLERANCE)
    if wrong.size:
        row = wrong[0]
        raise ArtefactError(f"{name}: row {row} has length {lengths[row]:.4g}, it must be 1")
