import numpy as np
import pytest
from numpy.typing import NDArray

from semrouter_extproc.core.arrays import require_finite, require_unit_rows
from semrouter_extproc.errors import ArtefactError


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_any_length_is_right_where_none_is_wanted(rows: int) -> None:
    require_finite("weights", np.ones((rows, 2), np.float32), (None, 2))


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.ones((3, 2)), r"float64 \[3, 2\]"),
        (np.ones((3, 2), np.float16), r"float16 \[3, 2\]"),
        (np.ones((3, 3), np.float32), r"float32 \[3, 3\]"),
        (np.ones(2, np.float32), r"float32 \[2\]"),
        (np.ones((3, 2, 1), np.float32), r"float32 \[3, 2, 1\]"),
    ],
)
def test_another_type_or_shape_is_named_beside_the_wanted_one(
    array: NDArray[np.float32], found: str
) -> None:
    with pytest.raises(ArtefactError, match=rf"weights are {found}, .* float32 \[any, 2\]$"):
        require_finite("weights", array, (None, 2))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_value_that_is_no_number_is_refused(value: float) -> None:
    array = np.ones((3, 2), np.float32)
    array[1, 1] = value
    with pytest.raises(ArtefactError, match="weights are not all finite"):
        require_finite("weights", array, (3, 2))


def test_the_first_row_of_another_length_is_named() -> None:
    rows = np.eye(4, dtype=np.float32)
    rows[2:] *= 2
    with pytest.raises(ArtefactError, match="landmarks: row 2 has length 2, it must be 1"):
        require_unit_rows("landmarks", rows)


def test_a_row_of_zeros_has_no_direction() -> None:
    with pytest.raises(ArtefactError, match="row 0 has length 0"):
        require_unit_rows("landmarks", np.zeros((1, 4), np.float32))


def test_rows_that_were_rounded_to_half_precision_still_have_length_1() -> None:
    rows = np.random.default_rng(0).normal(size=(500, 384)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    require_unit_rows("landmarks", rows.astype(np.float16).astype(np.float32))
