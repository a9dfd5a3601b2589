import numpy as np
import pytest

from semrouter_extproc.core.probes import PROBES, likeness


def test_the_least_like_row_decides() -> None:
    vectors = np.array([[1, 0], [0.6, 0.8]], np.float32)
    reference = np.array([[1, 0], [0, 1]], np.float32)

    assert likeness(vectors, reference) == pytest.approx(0.8)


def test_the_probes_are_few_short_and_distinct() -> None:
    assert len(set(PROBES)) == len(PROBES) <= 8
    assert max(map(len, PROBES)) < 80
