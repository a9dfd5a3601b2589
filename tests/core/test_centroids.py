import numpy as np
import pytest

from semrouter_extproc.core.centroids import SCOPE_SHARES, Centroids
from semrouter_extproc.core.kernel import KernelModel
from semrouter_extproc.errors import ArtefactError
from support import artefacts
from support.tiny import silent_ngrams

RISING = np.arange(len(SCOPE_SHARES), dtype=np.float32)


def model(*, landmarks: int = 3, outputs: int = 2) -> KernelModel:
    return KernelModel(
        landmarks=np.eye(landmarks, 5, dtype=np.float32),
        weights=np.zeros((landmarks, outputs), np.float32),
        offset=np.zeros(outputs, np.float32),
        ngrams=silent_ngrams(outputs),
        sharpness=10.0,
    )


def centroids(**changed: object) -> Centroids:
    members = {
        "labels": ("law", "math"),
        "model": model(),
        "owners": np.array([0, 1, 1]),
        "temperature": 1.0,
        "scope": np.stack([RISING, 10 * RISING]),
    }
    return Centroids(**(members | changed))  # type: ignore[arg-type]


def test_dimensions_are_the_length_of_a_vector() -> None:
    assert centroids().dimensions == 5


def test_a_category_may_be_known_by_words_alone() -> None:
    assert centroids(owners=np.array([1, 1, 1])).labels == ("law", "math")


@pytest.mark.parametrize("column", range(len(SCOPE_SHARES)))
def test_at_a_known_share_each_category_has_the_bar_that_was_found_for_it(column: int) -> None:
    bars = centroids().familiarity_bars(SCOPE_SHARES[column])
    assert bars.tolist() == pytest.approx([column, 10 * column])


def test_between_known_shares_bars_lie_between() -> None:
    middle = (SCOPE_SHARES[3] + SCOPE_SHARES[4]) / 2
    assert centroids().familiarity_bars(middle).tolist() == pytest.approx([3.5, 35])


def test_below_the_smallest_known_share_its_bars_hold() -> None:
    scope = np.stack([RISING + 2, RISING + 7])
    bars = centroids(scope=scope).familiarity_bars(SCOPE_SHARES[0] / 10)
    assert bars.tolist() == [2, 7]


def test_a_share_of_nothing_lets_everything_pass() -> None:
    bars = centroids().familiarity_bars(0)
    assert bars.shape == (2,)
    assert (np.float64(-1e300) > bars).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": ("law", "law")}, "2 labels, of which only 1 are distinct"),
        ({"labels": ("law",)}, "1 categories, at least 2 are needed"),
        ({"labels": ("law", "")}, "label '' is empty"),
        ({"labels": ("law", "ma\nth")}, "or has spaces around it or control characters"),
        ({"labels": ("law", " math")}, "label ' math' is empty, or has spaces"),
        ({"labels": ("law", "math", "art")}, "2 outputs, but 3 categories"),
        ({"model": model(outputs=3)}, "3 outputs, but 2 categories"),
        ({"owners": np.array([0, 1])}, r"3 landmarks, but owners \[2\]"),
        ({"owners": np.array([0, 1, 2])}, "belongs to a category beyond the 2 there are"),
        ({"owners": np.array([-1, 0, 1])}, "belongs to a category beyond the 2 there are"),
        ({"model": model(landmarks=0), "owners": np.zeros(0, np.intp)}, "no landmark"),
        ({"temperature": 0.0}, "temperature is 0.0, it must be from 0.001 to 1000"),
        ({"temperature": float("inf")}, "temperature is inf"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"scope": np.stack([RISING] * 3)}, r"scope is \[3, 8\]"),
        ({"scope": np.stack([RISING, RISING])[:, 1:]}, r"scope is \[2, 7\]"),
        ({"scope": np.stack([RISING, -RISING])}, "does not rise from share to share"),
        ({"scope": np.stack([RISING, RISING * np.float32(np.nan)])}, "does not rise"),
    ],
)
def test_values_that_do_not_fit_together_are_refused(
    changed: dict[str, object], message: str
) -> None:
    with pytest.raises(ArtefactError, match=f"centroids cannot be used: .*{message}"):
        centroids(**changed)


@pytest.mark.parametrize(
    ("familiarity", "rank"),
    [(-1.0, 0.001), (0.2, 0.002), (0.55, 0.02), (0.89, 0.2), (0.91, 1.0), (99.0, 1.0)],
)
def test_a_rank_is_the_share_of_examples_that_are_less_familiar(
    familiarity: float, rank: float
) -> None:
    # Of law, by artefacts.py: from 0.1 for the least familiar thousandth to 0.9 for a fifth.
    assert artefacts.centroids().familiarity_rank(0, familiarity) == rank
