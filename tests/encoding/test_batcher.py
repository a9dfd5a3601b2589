import asyncio
import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from semrouter_extproc.encoding.batcher import Batcher, Encode, _Entry, take_batch
from semrouter_extproc.errors import Closed, EncodingFailed, Overloaded
from semrouter_extproc.observe.reports import BatchReport


def lengths(texts: Sequence[str]) -> NDArray[np.float32]:
    """Encode a text as its length, so that a test sees whose vector it got."""
    return np.array([[len(text)] for text in texts], dtype=np.float32)


class GatedEncoder:
    """Holds every batch until the gate opens, and remembers what it was given."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.batches: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.batches.append(list(texts))
        self.entered.set()
        self.gate.wait(10)
        return lengths(texts)


def batcher(
    encode: Encode,
    *,
    max_cost: int = 1000,
    max_queue: int = 1000,
    on_batch: Callable[[BatchReport], None] = lambda _: None,
) -> Batcher:
    return Batcher(encode, max_cost=max_cost, max_queue=max_queue, on_batch=on_batch)


async def occupied(encoder: GatedEncoder, queue: Batcher) -> asyncio.Task[NDArray[np.float32]]:
    """Have the worker busy with one text, so that what follows must wait."""
    first = asyncio.create_task(queue.submit("first"))
    await asyncio.to_thread(encoder.entered.wait, 10)
    return first


async def test_every_caller_gets_the_vector_of_its_own_text() -> None:
    queue = batcher(lengths)
    texts = ["a" * count for count in range(1, 60)]

    vectors = await asyncio.gather(*map(queue.submit, texts))

    assert [int(vector[0]) for vector in vectors] == list(range(1, 60))
    await queue.aclose()


async def test_what_waits_while_the_worker_is_busy_is_encoded_together() -> None:
    encoder = GatedEncoder()
    queue = batcher(encoder)
    first = await occupied(encoder, queue)
    rest = [asyncio.create_task(queue.submit(text)) for text in ("ab", "cd", "ef")]
    await asyncio.sleep(0)
    encoder.gate.set()

    await asyncio.gather(first, *rest)

    assert encoder.batches == [["first"], ["ab", "cd", "ef"]]
    await queue.aclose()


async def test_a_cancelled_caller_is_never_encoded() -> None:
    encoder = GatedEncoder()
    queue = batcher(encoder)
    first = await occupied(encoder, queue)
    leaver = asyncio.create_task(queue.submit("leaver"))
    stayer = asyncio.create_task(queue.submit("stayer"))
    await asyncio.sleep(0)
    leaver.cancel()
    await asyncio.gather(leaver, return_exceptions=True)
    encoder.gate.set()

    await asyncio.gather(first, stayer)

    assert encoder.batches == [["first"], ["stayer"]]
    assert queue.depth == 0
    await queue.aclose()


async def test_one_more_than_the_queue_holds_is_turned_away_at_once() -> None:
    encoder = GatedEncoder()
    queue = batcher(encoder, max_queue=2)
    first = await occupied(encoder, queue)
    second = asyncio.create_task(queue.submit("second"))
    await asyncio.sleep(0)

    with pytest.raises(Overloaded, match="2 prompts"):
        await queue.submit("third")

    encoder.gate.set()
    await asyncio.gather(first, second)
    assert queue.depth == 0
    await queue.aclose()


async def test_callers_who_give_up_on_a_hanging_encoder_cannot_pile_up() -> None:
    encoder = GatedEncoder()
    queue = batcher(encoder, max_queue=3)
    first = await occupied(encoder, queue)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(queue.submit("given up"), 0.01)

    with pytest.raises(Overloaded):
        await queue.submit("one too many")

    encoder.gate.set()
    await first
    assert (await queue.submit("late"))[0] == 4
    await queue.aclose()


async def test_an_encoder_that_returns_no_array_fails_its_batch_and_not_the_next() -> None:
    answers: list[object] = [[[0.0]], np.ones((1, 1), np.float32)]
    queue = batcher(lambda _: answers.pop(0))  # type: ignore[arg-type,return-value]  # on purpose

    with pytest.raises(EncodingFailed, match="AttributeError"):
        await queue.submit("text")
    assert (await queue.submit("text"))[0] == 1
    await queue.aclose()


async def test_an_encoder_that_raises_fails_its_batch_and_not_the_next() -> None:
    def fail_on_x(texts: Sequence[str]) -> NDArray[np.float32]:
        if "x" in texts:
            raise TimeoutError("the device is gone")
        return lengths(texts)

    queue = batcher(fail_on_x)

    with pytest.raises(EncodingFailed, match=r"the encoder raised TimeoutError$"):
        await queue.submit("x")
    assert (await queue.submit("fine"))[0] == 4
    await queue.aclose()


@pytest.mark.parametrize(
    ("nonsense", "complaint"),
    [
        (np.zeros((2, 3), np.float32), "1 texts gave vectors of shape"),
        (np.zeros(3, np.float32), "1 texts gave vectors of shape"),
        (np.full((1, 3), np.nan, np.float32), "not finite"),
    ],
)
async def test_nonsense_from_the_encoder_is_an_error_and_not_a_vector(
    nonsense: NDArray[np.float32], complaint: str
) -> None:
    queue = batcher(lambda _: nonsense)

    with pytest.raises(EncodingFailed, match=complaint):
        await queue.submit("text")
    await queue.aclose()


async def test_closing_answers_what_is_queued_and_admits_nothing_more() -> None:
    encoder = GatedEncoder()
    queue = batcher(encoder)
    first = await occupied(encoder, queue)
    second = asyncio.create_task(queue.submit("second"))
    await asyncio.sleep(0)
    closing = asyncio.create_task(queue.aclose())
    await asyncio.sleep(0)

    with pytest.raises(Closed):
        await queue.submit("late")
    encoder.gate.set()
    await asyncio.gather(first, second, closing)

    assert encoder.batches == [["first"], ["second"]]


async def test_a_batch_is_reported_with_its_padding() -> None:
    encoder = GatedEncoder()
    reports: list[BatchReport] = []
    queue = batcher(encoder, on_batch=reports.append)
    first = await occupied(encoder, queue)
    rest = [asyncio.create_task(queue.submit(text)) for text in ("ab", "abcdef")]
    await asyncio.sleep(0)
    encoder.gate.set()

    await asyncio.gather(first, *rest)

    assert [(report.size, report.padding) for report in reports] == [(1, 1.0), (2, 1.5)]
    assert len(reports[1].waited) == 2
    await queue.aclose()


def entries(loop: asyncio.AbstractEventLoop, costs: Sequence[int]) -> list[_Entry]:
    return [_Entry("x" * cost, loop.create_future(), 0.0) for cost in costs]


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
async def test_a_batch_is_the_oldest_and_its_nearest_within_the_budget(
    costs: list[int], taken: list[int]
) -> None:
    waiting = entries(asyncio.get_running_loop(), costs)

    batch = take_batch(waiting, max_cost=100)

    assert sorted(entry.cost for entry in batch) == sorted(taken)
    assert len(waiting) == len(costs) - len(taken)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=50), st.integers(1, 1000))
def test_batches_cover_everyone_once_and_keep_the_budget(costs: list[int], budget: int) -> None:
    loop = asyncio.new_event_loop()
    waiting = entries(loop, costs)
    everyone = list(waiting)
    seen: list[_Entry] = []

    while waiting:
        oldest = waiting[0]
        batch = take_batch(waiting, budget)
        assert oldest is batch[0]
        assert len(batch) == 1 or max(entry.cost for entry in batch) * len(batch) <= budget
        seen += batch

    assert sorted(map(id, seen)) == sorted(map(id, everyone))
    loop.close()
