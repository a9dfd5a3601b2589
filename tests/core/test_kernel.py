from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semrouter_extproc.core.kernel import SHARPEST, KernelModel
from semrouter_extproc.core.ngrams import buckets_of
from semrouter_extproc.errors import ArtefactError
from support.kernels import random_kernel_model, random_units, slow_outputs
from support.tiny import silent_ngrams

EYE = np.eye(3, dtype=np.float32)
NO_NGRAMS = buckets_of("")

seeds = st.integers(0, 2**32 - 1)


def model(**changed: object) -> KernelModel:
    """Three landmarks at right angles that each speak for one of two outputs."""
    members = {
        "landmarks": EYE,
        "weights": np.array([[1, 0], [0, 1], [0, 1]], np.float32),
        "offset": np.array([0.25, -0.5], np.float32),
        "ngrams": silent_ngrams(2),
        "sharpness": 2.0,
    }
    return KernelModel(**(members | changed))  # type: ignore[arg-type]


@given(seeds, st.floats(0.1, SHARPEST), st.text())
def test_outputs_are_offset_and_landmarks_and_n_grams_summed(
    seed: int, sharpness: float, text: str
) -> None:
    rng = np.random.default_rng(seed)
    drawn = random_kernel_model(rng, sharpness=sharpness)
    (vector,), buckets = random_units(rng, 1), buckets_of(text)
    found = drawn.outputs(drawn.likeness(vector), buckets)
    assert found.tolist() == pytest.approx(slow_outputs(drawn, vector, buckets), abs=1e-3)


def test_likeness_is_1_at_a_landmark_and_falls_with_the_angle() -> None:
    likeness = model().likeness(np.array([0.6, -0.8, 0], np.float32))
    assert likeness.tolist() == pytest.approx([exp(-0.8), exp(-3.6), exp(-2)])
    assert model().likeness(EYE[1]).tolist() == pytest.approx([exp(-2), 1, exp(-2)])


def test_a_sharper_model_finds_the_same_angle_less_alike() -> None:
    turned = np.array([0.8, 0.6, 0], np.float32)
    assert model(sharpness=9.0).likeness(turned)[0] < model(sharpness=3.0).likeness(turned)[0]


def test_far_from_every_landmark_the_offset_is_left() -> None:
    nowhere = -EYE.sum(axis=0) / np.float32(3**0.5)
    lost = model(sharpness=SHARPEST)
    assert lost.outputs(lost.likeness(nowhere), NO_NGRAMS).tolist() == pytest.approx([0.25, -0.5])


def test_asking_twice_gives_the_same_and_changes_nothing() -> None:
    asked = model()
    vector = EYE[0].copy()
    likeness = asked.likeness(vector)
    first = asked.outputs(likeness, NO_NGRAMS)
    assert asked.outputs(likeness, NO_NGRAMS).tolist() == first.tolist()
    assert np.array_equal(asked.likeness(vector), likeness)
    assert np.array_equal(vector, EYE[0])


def test_dimensions_are_the_length_of_a_vector() -> None:
    assert model(landmarks=np.eye(3, 5, dtype=np.float32)).dimensions == 5


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"landmarks": EYE[0]}, r"landmarks are float32 \[3\], they must be float32 \[any, any\]"),
        ({"landmarks": np.eye(3)}, r"landmarks are float64 \[3, 3\]"),
        ({"landmarks": EYE * 2}, "landmarks: row 0 has length 2, it must be 1"),
        ({"landmarks": EYE * np.float32(np.nan)}, "landmarks are not all finite"),
        ({"weights": EYE}, r"weights are float32 \[3, 3\], they must be float32 \[3, 2\]"),
        ({"weights": EYE[:2, :2]}, r"weights are float32 \[2, 2\], they must be float32 \[3, 2\]"),
        ({"weights": np.full((3, 2), np.inf, np.float32)}, "weights are not all finite"),
        ({"offset": EYE[0]}, r"offset are float32 \[3\], they must be float32 \[2\]"),
        ({"offset": np.full(2, np.nan, np.float32)}, "offset are not all finite"),
        ({"ngrams": silent_ngrams(4)}, r"weights are .*must be float32 \[3, 4\]"),
        ({"sharpness": 0.0}, "sharpness is 0.0, it must be above 0 and at most 100"),
        ({"sharpness": -1.0}, "sharpness is -1.0"),
        ({"sharpness": 100.5}, "sharpness is 100.5"),
        ({"sharpness": float("nan")}, "sharpness is nan"),
    ],
)
def test_what_does_not_fit_together_is_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(ArtefactError, match=message):
        model(**changed)
