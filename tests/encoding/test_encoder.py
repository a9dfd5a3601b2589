import numpy as np
import pytest
from numpy.typing import NDArray

from semrouter_extproc.encoding.encoder import unit_rows
from semrouter_extproc.errors import EncodingFailed


def test_rows_get_length_one_and_keep_their_direction() -> None:
    unit = unit_rows(np.array([[3, 4], [0, -2]], np.float32))

    assert np.allclose(unit, np.array([[0.6, 0.8], [0, -1]]))


def test_no_rows_stay_none() -> None:
    assert unit_rows(np.empty((0, 3), np.float32)).shape == (0, 3)


@pytest.mark.parametrize(
    "nonsense",
    [
        np.zeros((2, 3), np.float32),
        np.array([[1, 1], [np.nan, 1]], np.float32),
        np.array([[1, np.inf]], np.float32),
        np.ones(3, np.float32),
        np.ones((1, 2, 3), np.float32),
    ],
    ids=["zero", "NaN", "infinity", "a vector", "a box"],
)
def test_what_has_no_direction_is_an_error_and_not_a_vector(nonsense: NDArray[np.float32]) -> None:
    with pytest.raises(EncodingFailed, match="the encoder returned"):
        unit_rows(nonsense)
