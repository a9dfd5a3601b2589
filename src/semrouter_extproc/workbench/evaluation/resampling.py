"""How far figures could be off: the rows drawn again and again, for all figures together."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.workbench.scores import Interval

RESAMPLES: Final = 2_000
_SEED: Final = 0
_CELLS_AT_A_TIME: Final = 4_000_000
_PERCENTILES: Final = (2.5, 97.5)


def resampled_means(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return means of `columns`, `[N, K]`: over the rows as they are, then over rows drawn.

    The answer is `[1 + RESAMPLES, K]`. All columns see the same draws, and so does every call
    with as many rows: differences between columns, even of two calls, are paired.
    """
    rng = np.random.default_rng(_SEED)
    rows = len(columns)
    at_a_time = max(1, _CELLS_AT_A_TIME // rows)
    means = [columns.mean(axis=0, keepdims=True)]
    for begun in range(0, RESAMPLES, at_a_time):
        drawn = _times_drawn(rng, min(at_a_time, RESAMPLES - begun), rows)
        means.append(drawn @ columns / rows)
    return np.concatenate(means)


def interval(figures: NDArray[np.float64]) -> Interval:
    """Return the 95 % percentile interval of a figure, `[1 + RESAMPLES]`.

    Draws in which the figure does not exist (NaN) are left out.
    """
    low, high = np.nanpercentile(figures[1:], _PERCENTILES)
    return float(low), float(high)


def _times_drawn(rng: np.random.Generator, resamples: int, rows: int) -> NDArray[np.float64]:
    """Return how often each row is in each resample, `[resamples, rows]`."""
    drawn = rng.integers(rows, size=(resamples, rows))
    drawn += np.arange(resamples)[:, None] * rows
    counts = np.bincount(drawn.ravel(), minlength=resamples * rows)
    return counts.reshape(resamples, rows).astype(np.float64)
