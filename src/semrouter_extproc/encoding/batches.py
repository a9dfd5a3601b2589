"""Which texts go together: the encoder pads every text to the longest of its batch."""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol, TypeVar

_ONE_MORE_BATCH: Final = 0.1
"""What a batch costs beside its texts, as a share of the cost past which larger ones gain nothing.

Doubling that batch saves 5 % (`calibration.py`): the half of what is spent beside the texts.
"""


class Costly(Protocol):
    """Something that waits for the encoder."""

    @property
    def cost(self) -> int:
        """Its length, at least 1."""


Waiting = TypeVar("Waiting", bound=Costly)


def take_batch(waiting: list[Waiting], max_cost: int) -> list[Waiting]:
    """Remove the next batch from `waiting` (oldest first) and return it.

    The oldest entry is always in it, so nobody starves; its nearest in length join while
    the longest text times their number stays within `max_cost`, and while the padding that
    one brings costs less than a batch of its own.
    """
    oldest = waiting[0]
    batch, longest, cost = [oldest], oldest.cost, oldest.cost
    for entry in sorted(waiting[1:], key=lambda entry: abs(entry.cost - oldest.cost)):
        longest = max(longest, entry.cost)
        joined = longest * (len(batch) + 1)
        if joined > max_cost or joined - cost - entry.cost > _ONE_MORE_BATCH * max_cost:
            break
        batch.append(entry)
        cost = joined
    taken = set(map(id, batch))
    waiting[:] = [entry for entry in waiting if id(entry) not in taken]
    return batch


def sorted_batches(costs: Sequence[int], max_cost: int) -> Iterator[list[int]]:
    """Yield indices into `costs`, shortest first, in batches within `max_cost`."""
    batch: list[int] = []
    for index in sorted(range(len(costs)), key=costs.__getitem__):
        if batch and costs[index] * (len(batch) + 1) > max_cost:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
