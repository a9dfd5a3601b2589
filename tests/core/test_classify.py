import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from semrouter_extproc.core.centroids import SHARPEST, TEMPERATURES, Centroids
from semrouter_extproc.core.classify import classify

LABELS = ("art", "law", "math")


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    rows: NDArray[np.float32] = (vectors / lengths).astype(np.float32)
    return rows


def random_centroids(
    seed: int, *, sharpness: float = 10.0, temperature: float = 1.0
) -> tuple[Centroids, NDArray[np.float32]]:
    """Three categories of one to four prototypes in eight dimensions, and a vector."""
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(3), rng.integers(1, 5, size=3))
    prototypes = unit(rng.normal(size=(len(owners), 8)))
    centroids = Centroids(LABELS, prototypes, owners, sharpness, temperature)
    return centroids, unit(rng.normal(size=8))


seeds = st.integers(0, 2**32 - 1)


@given(
    seeds,
    st.floats(1e-3, SHARPEST),
    st.floats(*TEMPERATURES),
    st.sampled_from([1.0, -1.0]),
)
def test_probabilities_are_finite_and_sum_to_one(
    seed: int, sharpness: float, temperature: float, sign: float
) -> None:
    centroids, _ = random_centroids(seed, sharpness=sharpness, temperature=temperature)
    # On a prototype and opposite to it lie the largest and the smallest similarities.
    found = classify(centroids.prototypes[0] * np.float32(sign), centroids)
    assert np.isfinite(found.probabilities).all()
    assert abs(found.probabilities.sum() - 1) < 1e-9
    assert found.confidence == found.probabilities.max()


@given(seeds, st.floats(1, 50), st.floats(0.2, 5))
def test_probabilities_are_the_powers_of_each_categorys_sum(
    seed: int, sharpness: float, temperature: float
) -> None:
    centroids, vector = random_centroids(seed, sharpness=sharpness, temperature=temperature)
    terms = np.exp(sharpness * (centroids.prototypes @ vector).astype(np.float64))
    sums = np.array([terms[centroids.owners == index].sum() for index in range(3)])
    expected = sums ** (1 / temperature) / (sums ** (1 / temperature)).sum()
    assert np.allclose(classify(vector, centroids).probabilities, expected, atol=1e-5)


@given(seeds)
def test_nearest_is_the_closest_prototype_of_the_category_found(seed: int) -> None:
    centroids, vector = random_centroids(seed)
    found = classify(vector, centroids)
    own = np.flatnonzero(centroids.owners == found.index)
    assert found.nearest in own
    similarities = centroids.prototypes @ vector
    assert similarities[found.nearest] >= similarities[own].max() - 1e-6


@given(seeds)
def test_a_warmer_temperature_keeps_the_category_and_lowers_confidence(seed: int) -> None:
    cool, vector = random_centroids(seed, temperature=1)
    warm, _ = random_centroids(seed, temperature=4)
    assert classify(vector, warm).category == classify(vector, cool).category
    assert classify(vector, warm).confidence <= classify(vector, cool).confidence


def test_two_good_prototypes_together_outweigh_one_slightly_better() -> None:
    vector = np.array([1, 0, 0], np.float32)
    prototypes = unit(np.array([[1.0, 0.5, 0], [1, 0.55, 0], [1, -0.55, 0]]))
    centroids = Centroids(("one", "two"), prototypes, np.array([0, 1, 1]), 10.0, 1.0)
    assert classify(vector, centroids).category == "two"


def test_label_index_and_probabilities_agree() -> None:
    centroids, vector = random_centroids(7)
    found = classify(vector, centroids)
    assert found.category == LABELS[found.index]
    assert found.index == found.probabilities.argmax()
    assert found.probabilities.shape == (3,)
