import numpy as np
import pytest
from numpy.typing import NDArray

from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.errors import ArtefactError

EYE = np.eye(3, dtype=np.float32)


def centroids(
    *,
    labels: tuple[str, ...] = ("law", "math"),
    prototypes: NDArray[np.float32] = EYE,
    owners: tuple[int, ...] = (0, 1, 1),
    sharpness: float = 10.0,
    temperature: float = 1.0,
) -> Centroids:
    return Centroids(
        labels=labels,
        prototypes=prototypes,
        owners=np.array(owners, np.intp),
        sharpness=sharpness,
        temperature=temperature,
    )


def test_starts_point_at_the_first_prototype_of_each_category() -> None:
    assert centroids().starts.tolist() == [0, 1]


def test_dimensions_are_the_length_of_a_vector() -> None:
    assert centroids(prototypes=np.eye(3, 5, dtype=np.float32)).dimensions == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ("law", "law")}, "2 labels, of which only 1 are distinct"),
        ({"labels": ("law",), "owners": (0, 0, 0)}, "1 categories, at least 2 are needed"),
        ({"labels": ("law", "")}, "label '' is empty"),
        ({"labels": ("law", "ma\nth")}, "or has spaces around it or control characters"),
        ({"labels": ("law", " math")}, "label ' math' is empty, or has spaces"),
        ({"labels": ("law", "math", "art")}, "category 'art' has no prototype"),
        ({"owners": (0, 1, 2)}, "a prototype belongs to category 2 of 2"),
        ({"owners": (-1, 0, 1)}, "a prototype belongs to category -1 of 2"),
        ({"owners": (0, 1)}, r"3 prototypes but owners shaped \[2\]"),
        ({"owners": (1, 0, 1)}, "not in the order of their categories"),
        ({"prototypes": EYE * 2}, "prototype 0 has length 2"),
        ({"prototypes": EYE * np.float32(np.nan)}, "prototype 0 has length nan"),
        ({"prototypes": np.eye(3)}, r"prototypes are float64 \[3, 3\]"),
        ({"prototypes": EYE[0]}, r"prototypes are float32 \[3\]"),
        ({"sharpness": 0.0}, "sharpness is 0.0"),
        ({"sharpness": float("nan")}, "sharpness is nan"),
        ({"sharpness": 301.0}, "sharpness is 301.0"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"temperature": float("inf")}, "temperature is inf"),
    ],
)
def test_values_that_do_not_fit_together_are_refused(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(ArtefactError, match=message):
        centroids(**change)  # type: ignore[arg-type]
