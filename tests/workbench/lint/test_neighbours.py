from itertools import combinations

import numpy as np
import pytest

from semrouter_extproc.workbench.lint.neighbours import groups, neighbour_shares, pairs_above
from support.judged import directions, judged


@pytest.mark.parametrize("count", [1, 2, 511, 513, 1100])
def test_pairs_are_those_of_the_whole_matrix(count: int) -> None:
    vectors = directions([at % 8 for at in range(count)])
    cosines = vectors @ vectors.T
    expected = [pair for pair in combinations(range(count), 2) if cosines[pair] > 0.97]

    assert sorted(map(tuple, pairs_above(vectors, 0.97).tolist())) == expected


def test_rows_that_pairs_connect_are_one_group() -> None:
    pairs = np.array([[4, 5], [1, 2], [5, 9], [2, 9], [7, 8]])

    assert list(groups(pairs)) == [[1, 2, 4, 5, 9], [7, 8]]


def test_no_pairs_make_no_groups() -> None:
    assert list(groups(np.empty((0, 2), np.intp))) == []


def test_a_row_is_no_neighbour_of_its_own() -> None:
    given = [0] * 10 + [1]
    shares = neighbour_shares(judged(given, [0] * 11), np.array([10]))

    assert shares.tolist() == [pytest.approx([1, 0, 0])]


def test_few_rows_have_fewer_neighbours() -> None:
    shares = neighbour_shares(judged([0, 1, 1], [0, 0, 0]), np.arange(3))

    assert shares.tolist() == [
        pytest.approx([0, 1, 0]),
        pytest.approx([0.5, 0.5, 0]),
        pytest.approx([0.5, 0.5, 0]),
    ]
