from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semrouter_extproc.encoding.batches import sorted_batches, take_batch


@dataclass(frozen=True, eq=False)
class Entry:
    cost: int


@pytest.mark.parametrize(
    ("costs", "taken"),
    [
        ([10], [10]),
        ([500], [500]),
        ([10, 90, 12, 8], [10, 12, 8]),
        ([10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10], [10] * 10),
        ([90, 10, 10], [90]),
    ],
    ids=["alone", "over budget alone", "like lengths", "budget", "oldest first"],
)
def test_a_batch_is_the_oldest_and_its_nearest_within_the_budget(
    costs: list[int], taken: list[int]
) -> None:
    waiting = [Entry(cost) for cost in costs]

    batch = take_batch(waiting, max_cost=100)

    assert sorted(entry.cost for entry in batch) == sorted(taken)
    assert len(waiting) == len(costs) - len(taken)


@pytest.mark.parametrize(("budget", "joins"), [(224, False), (10_000, True)])
@pytest.mark.parametrize("costs", [(20, 110), (110, 20)])
def test_unlike_lengths_share_a_batch_only_where_padding_is_cheaper_than_another(
    costs: tuple[int, int], budget: int, *, joins: bool
) -> None:
    batch = take_batch([Entry(cost) for cost in costs], budget)

    assert len(batch) == (2 if joins else 1)


def test_those_who_stay_keep_their_order() -> None:
    waiting = [Entry(cost) for cost in (10, 70, 12, 60, 80)]

    take_batch(waiting, max_cost=30)

    assert [entry.cost for entry in waiting] == [70, 60, 80]


COSTS = st.lists(st.integers(1, 300), min_size=1, max_size=50)
BUDGETS = st.integers(1, 1000)


@given(COSTS, BUDGETS)
def test_batches_cover_everyone_once_and_keep_the_budget(costs: list[int], budget: int) -> None:
    waiting = [Entry(cost) for cost in costs]
    everyone = list(waiting)
    seen: list[Entry] = []

    while waiting:
        oldest = waiting[0]
        batch = take_batch(waiting, budget)
        assert oldest is batch[0]
        assert len(batch) == 1 or max(entry.cost for entry in batch) * len(batch) <= budget
        seen += batch

    assert sorted(map(id, seen)) == sorted(map(id, everyone))


@given(COSTS, BUDGETS)
def test_sorted_batches_cover_everyone_once_and_keep_the_budget(
    costs: list[int], budget: int
) -> None:
    batches = list(sorted_batches(costs, budget))

    assert sorted(index for batch in batches for index in batch) == list(range(len(costs)))
    for batch in batches:
        assert len(batch) == 1 or max(costs[index] for index in batch) * len(batch) <= budget


@given(COSTS, BUDGETS)
def test_sorted_batches_go_from_short_to_long(costs: list[int], budget: int) -> None:
    order = [costs[index] for batch in sorted_batches(costs, budget) for index in batch]

    assert order == sorted(costs)


@given(COSTS, BUDGETS)
def test_a_sorted_batch_ends_only_where_the_next_text_would_burst_it(
    costs: list[int], budget: int
) -> None:
    batches = list(sorted_batches(costs, budget))

    for batch, following in pairwise(batches):
        assert costs[following[0]] * (len(batch) + 1) > budget


def test_no_texts_make_no_batch() -> None:
    assert list(sorted_batches([], 100)) == []
