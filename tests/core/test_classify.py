from dataclasses import replace
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from semrouter_extproc.core.centroids import SCOPE_SHARES, TEMPERATURES, Centroids
from semrouter_extproc.core.classify import FLOOR, classify, support_of
from semrouter_extproc.core.kernel import SHARPEST, KernelModel
from semrouter_extproc.core.ngrams import BUCKETS, NgramModel, buckets_of
from support import tiny
from support.kernels import random_kernel_model, random_units, slow_outputs

LABELS = ("art", "law", "math")
NO_NGRAMS = buckets_of("")

seeds = st.integers(0, 2**32 - 1)


def centroids_of(
    model: KernelModel, *, labels: tuple[str, ...] = LABELS, temperature: float = 1.0
) -> Centroids:
    return Centroids(
        labels=labels,
        model=model,
        owners=np.arange(len(model.landmarks)) % len(labels),
        temperature=temperature,
        scope=np.zeros((len(labels), len(SCOPE_SHARES)), np.float32),
    )


def random_centroids(
    seed: int, *, sharpness: float = 2.5, temperature: float = 1.0
) -> tuple[Centroids, NDArray[np.float32]]:
    """Three categories with nine landmarks in eight dimensions, and a vector."""
    rng = np.random.default_rng(seed)
    model = random_kernel_model(rng, sharpness=sharpness)
    (vector,) = random_units(rng, 1)
    return centroids_of(model, temperature=temperature), vector


@given(seeds, st.floats(1e-3, SHARPEST), st.floats(*TEMPERATURES), st.sampled_from([1, -1]))
def test_probabilities_are_finite_and_sum_to_one(
    seed: int, sharpness: float, temperature: float, sign: int
) -> None:
    centroids, _ = random_centroids(seed, sharpness=sharpness, temperature=temperature)
    # On a landmark and opposite to it lie the largest and the smallest likeness.
    found = classify(centroids.model.landmarks[0] * np.float32(sign), NO_NGRAMS, centroids)
    assert np.isfinite(found.probabilities).all()
    assert abs(found.probabilities.sum() - 1) < 1e-9
    assert found.confidence == found.probabilities.max()


@given(seeds, st.floats(0.2, 5), st.text(max_size=40))
def test_probabilities_are_powers_of_the_models_outputs(
    seed: int, temperature: float, text: str
) -> None:
    centroids, vector = random_centroids(seed, temperature=temperature)
    outputs = slow_outputs(centroids.model, vector, buckets_of(text))
    powers = np.maximum(outputs, FLOOR) ** (1 / temperature)
    found = classify(vector, buckets_of(text), centroids)
    assert np.allclose(found.probabilities, powers / powers.sum(), atol=1e-4)


@given(seeds)
def test_nearest_is_the_closest_landmark(seed: int) -> None:
    centroids, vector = random_centroids(seed)
    found = classify(vector, NO_NGRAMS, centroids)
    cosines = centroids.model.landmarks @ vector
    assert found.nearest is not None
    assert cosines[found.nearest] >= cosines.max() - 1e-6


@given(seeds, st.text(max_size=40))
def test_familiarity_is_the_best_output_and_the_likeness_of_the_nearest(
    seed: int, text: str
) -> None:
    centroids, vector = random_centroids(seed)
    best = slow_outputs(centroids.model, vector, buckets_of(text)).max()
    likeness = np.exp(2.5 * ((centroids.model.landmarks @ vector).max() - 1))
    found = classify(vector, buckets_of(text), centroids)
    assert found.familiarity is not None
    assert abs(found.familiarity - (best + likeness)) < 1e-4


def test_outputs_below_the_floor_are_all_as_good_as_none() -> None:
    outputs = np.array([[0.5, FLOOR / 2, -3.0], [1.0, FLOOR, 0.0]])
    support = support_of(outputs)
    assert support[0].tolist() == pytest.approx([log(0.5), log(FLOOR), log(FLOOR)])
    assert support[1].tolist() == pytest.approx([0, log(FLOOR), log(FLOOR)])


def test_familiarity_knows_neither_floor_nor_temperature() -> None:
    cool, vector = random_centroids(3, temperature=0.1)
    warm, _ = random_centroids(3, temperature=10)
    found = [classify(vector, NO_NGRAMS, centroids).familiarity for centroids in (cool, warm)]
    assert found[0] == found[1]


def test_what_lies_away_from_all_landmarks_is_less_familiar_than_they_are() -> None:
    corners = KernelModel(
        landmarks=np.eye(3, 4, dtype=np.float32),
        weights=np.eye(3, dtype=np.float32),
        offset=np.zeros(3, np.float32),
        ngrams=tiny.silent_ngrams(3),
        sharpness=2.5,
    )
    *own, away = (
        classify(vector, NO_NGRAMS, centroids_of(corners)).familiarity or 0.0
        for vector in np.eye(4, dtype=np.float32)
    )
    assert away < min(own) / 2


@given(seeds)
def test_a_warmer_temperature_keeps_the_category_and_lowers_confidence(seed: int) -> None:
    cool, vector = random_centroids(seed, temperature=1)
    warm, _ = random_centroids(seed, temperature=4)
    assert classify(vector, NO_NGRAMS, warm).category == classify(vector, NO_NGRAMS, cool).category
    assert (
        classify(vector, NO_NGRAMS, warm).confidence <= classify(vector, NO_NGRAMS, cool).confidence
    )


def test_words_decide_between_categories_that_the_vector_cannot_tell_apart() -> None:
    weights = np.zeros((BUCKETS, 2), np.float32)
    weights[buckets_of("statute"), 0] = 1
    weights[buckets_of("theorem"), 1] = 1
    wordy = NgramModel(np.ones(BUCKETS, np.float32), weights)
    centroids = replace(tiny.centroids(), model=replace(tiny.centroids().model, ngrams=wordy))
    between = np.array(tiny.VECTORS[tiny.EITHER], np.float32)
    found = [
        classify(between, buckets_of(text), centroids).category
        for text in ("which statute", "which theorem")
    ]
    assert found == ["law", "math"]


def test_label_index_and_probabilities_agree() -> None:
    centroids, vector = random_centroids(7)
    found = classify(vector, NO_NGRAMS, centroids)
    assert found.category == LABELS[found.index]
    assert found.index == found.probabilities.argmax()
    assert found.probabilities.shape == (3,)
