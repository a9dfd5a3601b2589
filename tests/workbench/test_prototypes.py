import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from semrouter_extproc.core.classify import category_support, probabilities_of
from semrouter_extproc.workbench.prototypes import Rows, Settings, learn, medoids
from semrouter_extproc.workbench.scores import log_loss

LABELS = ("art", "law", "math")


def rows(seed: int, *, per_category: int) -> Rows:
    """Three categories of unit vectors in eight dimensions, each of two overlapping clouds."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(3), per_category)
    cloud = truth + 3 * rng.integers(2, size=len(truth))
    vectors = np.eye(8)[cloud] + rng.normal(scale=0.4, size=(len(truth), 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Rows(vectors.astype(np.float32), truth, LABELS)


@hypothesis_settings(deadline=None)  # the first call pays for numpy's warm-up
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 8))
def test_no_category_gets_more_prototypes_than_rows(
    seed: int, per_category: int, count: int
) -> None:
    centroids = learn(rows(seed, per_category=per_category), Settings(count, 20.0, 15))
    assert np.bincount(centroids.owners).tolist() == [min(count, per_category)] * 3


def test_many_copies_of_one_prompt_give_usable_prototypes() -> None:
    vectors = np.repeat(np.eye(3, 8, dtype=np.float32), 6, axis=0)
    truth = np.repeat(np.arange(3), 6)
    centroids = learn(Rows(vectors, truth, LABELS), Settings(4, 20.0, 15))
    assert np.isfinite(centroids.prototypes).all()


def test_learning_twice_gives_the_same_prototypes() -> None:
    first = learn(rows(1, per_category=40), Settings(4, 20.0, 15))
    second = learn(rows(1, per_category=40), Settings(4, 20.0, 15))
    assert np.array_equal(first.prototypes, second.prototypes)


def loss_of(settings: Settings, judged: Rows) -> float:
    centroids = learn(rows(1, per_category=100), settings)
    support = category_support(judged.vectors @ centroids.prototypes.T, centroids)
    return log_loss(probabilities_of(support, 1.0), judged.truth)


def test_a_category_of_two_clouds_is_better_described_by_two_prototypes() -> None:
    unseen = rows(2, per_category=100)
    assert loss_of(Settings(2, 20.0, 0), unseen) < loss_of(Settings(1, 20.0, 0), unseen)


def test_gradient_steps_lower_the_loss_on_the_rows_learned_from() -> None:
    seen = rows(1, per_category=100)
    assert loss_of(Settings(2, 20.0, 60), seen) < loss_of(Settings(2, 20.0, 0), seen)


def test_a_medoid_is_the_closest_row_of_the_prototypes_own_category() -> None:
    learned_from = rows(1, per_category=10)
    centroids = learn(learned_from, Settings(2, 20.0, 15))
    found = medoids(centroids, learned_from)
    for prototype, owner, row in zip(centroids.prototypes, centroids.owners, found, strict=True):
        own = learned_from.vectors[learned_from.truth == owner]
        assert learned_from.truth[row] == owner
        assert prototype @ learned_from.vectors[row] == pytest.approx(np.max(own @ prototype))
