import asyncio
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import sleep
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from semrouter_extproc.encoding.batcher import Batcher
from semrouter_extproc.errors import Closed, EncodingFailed, Overloaded
from semrouter_extproc.observe.reports import BatchReport


class LengthEncoder:
    """Encodes a text as its length, so that a test sees whose vector it got. Words are tokens."""

    fingerprint = "length"
    dimensions = 1
    batch_cost = 1000

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers
        self.batches: list[list[str]] = []

    def tokenize(self, texts: Sequence[str]) -> Sequence[list[str]]:
        return [text.split(" ") for text in texts]

    def encode(self, batch: Sequence[list[str]]) -> NDArray[np.float32]:
        texts = [" ".join(words) for words in batch]
        self.batches.append(texts)
        return np.array([[len(text)] for text in texts], np.float32)


class GatedEncoder(LengthEncoder):
    """Holds every batch until the gate opens."""

    def __init__(self, workers: int = 1) -> None:
        super().__init__(workers)
        self.gate = threading.Event()
        self.entered = threading.Semaphore(0)

    def encode(self, batch: Sequence[list[str]]) -> NDArray[np.float32]:
        vectors = super().encode(batch)
        self.entered.release()
        self.gate.wait(10)
        return vectors


class SlowEncoder(LengthEncoder):
    """Takes the same time for every batch."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def encode(self, batch: Sequence[list[str]]) -> NDArray[np.float32]:
        sleep(self._seconds)
        return super().encode(batch)


def batcher(
    encoder: LengthEncoder,
    *,
    max_cost: int = 1000,
    max_queue: int = 1000,
    patience: float = 60.0,
    on_batch: Callable[[BatchReport], None] = lambda _: None,
) -> Batcher[list[str]]:
    return Batcher(
        encoder, max_cost=max_cost, max_queue=max_queue, patience=patience, on_batch=on_batch
    )


async def submitted(queue: Batcher[list[str]], *texts: str) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(queue.submit(text)) for text in texts]
    await asyncio.sleep(0)
    return tasks


async def occupied(encoder: GatedEncoder, queue: Batcher[list[str]]) -> asyncio.Task[Any]:
    """Have a worker busy with one text, so that what follows must wait."""
    (first,) = await submitted(queue, "first")
    await asyncio.to_thread(encoder.entered.acquire, timeout=10)
    return first


async def settled(queue: Batcher[list[str]]) -> None:
    """Wait until nobody is in the queue."""
    async with asyncio.timeout(10):
        while queue.depth:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.001)


@contextmanager
def hectic_threads() -> Iterator[None]:
    """Have threads take turns a thousand times as often, so that they meet at unlikely points."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


@pytest.mark.parametrize("workers", [1, 3])
async def test_every_caller_gets_the_vector_of_its_own_text(workers: int) -> None:
    queue = batcher(LengthEncoder(workers), max_cost=4)
    texts = ["a" * count for count in range(1, 60)]

    vectors = await asyncio.gather(*map(queue.submit, texts))

    assert [int(vector[0]) for vector in vectors] == list(range(1, 60))
    await queue.aclose()


async def test_what_waits_while_the_worker_is_busy_is_encoded_together() -> None:
    encoder = GatedEncoder()
    queue = batcher(encoder)
    first = await occupied(encoder, queue)
    rest = await submitted(queue, "ab", "cd", "ef")
    encoder.gate.set()

    await asyncio.gather(first, *rest)

    assert encoder.batches == [["first"], ["ab", "cd", "ef"]]
    await queue.aclose()


async def test_a_batch_is_bounded_in_tokens_and_not_in_characters() -> None:
    encoder = GatedEncoder()
    queue = batcher(encoder, max_cost=4)
    first = await occupied(encoder, queue)
    rest = await submitted(
        queue, "incomprehensibilities abound", "electroencephalograms too", "a b"
    )
    encoder.gate.set()

    await asyncio.gather(first, *rest)

    assert [len(batch) for batch in encoder.batches] == [1, 2, 1]
    await queue.aclose()


async def test_a_text_is_tokenized_once_however_long_it_waits() -> None:
    counts: Counter[str] = Counter()

    class CountingEncoder(GatedEncoder):
        def tokenize(self, texts: Sequence[str]) -> Sequence[list[str]]:
            counts.update(texts)
            return super().tokenize(texts)

    encoder = CountingEncoder()
    queue = batcher(encoder, max_cost=1)
    first = await occupied(encoder, queue)
    rest = await submitted(queue, "a", "b", "c", "d")
    encoder.gate.set()

    await asyncio.gather(first, *rest)

    assert counts == dict.fromkeys(["first", "a", "b", "c", "d"], 1)
    await queue.aclose()


async def test_every_worker_encodes_a_batch_of_its_own_at_the_same_time() -> None:
    class Meeting(LengthEncoder):
        together = threading.Barrier(3, timeout=10)

        def encode(self, batch: Sequence[list[str]]) -> NDArray[np.float32]:
            self.together.wait()
            return super().encode(batch)

    queue = batcher(Meeting(workers=3), max_cost=1)

    vectors = await asyncio.gather(*map(queue.submit, ["a", "bb", "ccc"]))

    assert [int(vector[0]) for vector in vectors] == [1, 2, 3]
    await queue.aclose()


async def test_a_batch_that_takes_long_holds_up_no_other_worker() -> None:
    class HangsOnX(GatedEncoder):
        def encode(self, batch: Sequence[list[str]]) -> NDArray[np.float32]:
            return super().encode(batch) if ["x"] in batch else LengthEncoder.encode(self, batch)

    encoder = HangsOnX(workers=2)
    queue = batcher(encoder)
    (hanging,) = await submitted(queue, "x")
    await asyncio.to_thread(encoder.entered.acquire, timeout=10)

    for length in (1, 2, 3):
        assert (await asyncio.wait_for(queue.submit("a" * length), 10))[0] == length

    assert not hanging.done()
    encoder.gate.set()
    await hanging
    await queue.aclose()


async def test_a_cancelled_caller_is_never_encoded() -> None:
    encoder = GatedEncoder()
    queue = batcher(encoder)
    first = await occupied(encoder, queue)
    leaver, stayer = await submitted(queue, "leaver", "stayer")
    leaver.cancel()
    await asyncio.gather(leaver, return_exceptions=True)
    encoder.gate.set()

    await asyncio.gather(first, stayer)

    assert encoder.batches == [["first"], ["stayer"]]
    assert queue.depth == 0
    await queue.aclose()


async def test_a_caller_cancelled_while_its_batch_computes_harms_nobody_in_it() -> None:
    loop = asyncio.get_running_loop()

    class Leaving(GatedEncoder):
        def encode(self, batch: Sequence[list[str]]) -> NDArray[np.float32]:
            if ["leaver"] in batch:
                loop.call_soon_threadsafe(leaver.cancel)
            return super().encode(batch)

    encoder = Leaving()
    queue = batcher(encoder)
    first = await occupied(encoder, queue)
    leaver, stayer = await submitted(queue, "leaver", "stayer")
    encoder.gate.set()

    await asyncio.wait_for(asyncio.gather(first, stayer), 10)

    assert encoder.batches == [["first"], ["leaver", "stayer"]]
    assert leaver.cancelled()
    assert queue.depth == 0
    await queue.aclose()


async def test_whoever_gives_up_at_whatever_moment_gives_their_place_back() -> None:
    queue = batcher(LengthEncoder(workers=2), max_cost=4, max_queue=100_000)

    with hectic_threads():
        for _ in range(5):
            tasks = await submitted(queue, *["text"] * 2000)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    await settled(queue)
    assert queue.expected_wait == 0
    await queue.aclose()


async def test_one_more_than_the_queue_holds_is_turned_away_at_once() -> None:
    encoder = GatedEncoder()
    queue = batcher(encoder, max_queue=2)
    first = await occupied(encoder, queue)
    (second,) = await submitted(queue, "second")

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


async def test_whoever_would_wait_longer_than_is_of_use_is_turned_away() -> None:
    queue = batcher(SlowEncoder(0.05), patience=0.03, max_cost=1)
    await asyncio.gather(*map(queue.submit, ("how", "fast", "is it")))

    (admitted,) = await submitted(queue, "as fast")
    with pytest.raises(Overloaded):
        await queue.submit("too late")

    await admitted
    assert (await queue.submit("in time again"))[0] == 13
    await queue.aclose()


async def test_nobody_is_turned_away_before_the_pace_is_known() -> None:
    queue = batcher(SlowEncoder(0.001), patience=0)

    assert len(await asyncio.gather(queue.submit("text"), queue.submit("x" * 9999))) == 2
    await queue.aclose()


async def test_batches_with_room_left_teach_no_pace() -> None:
    queue = batcher(SlowEncoder(0.02), patience=0.03)
    for _ in range(5):
        await queue.submit("hi")

    vectors = await asyncio.gather(*(queue.submit("x" * count) for count in range(1, 33)))

    assert [int(vector[0]) for vector in vectors] == list(range(1, 33))
    await queue.aclose()


async def test_short_texts_make_no_long_wait_of_a_long_one() -> None:
    queue = batcher(SlowEncoder(0.01), max_cost=1)
    for _ in range(5):
        await asyncio.gather(*map(queue.submit, ("hi", "x" * 500, "hi", "x" * 500)))

    (long,) = await submitted(queue, "x" * 500)

    assert 0.005 < queue.expected_wait < 0.2
    await long
    await queue.aclose()


async def test_one_slow_batch_does_not_turn_callers_away_for_good() -> None:
    class Stumbling(LengthEncoder):
        def encode(self, batch: Sequence[list[str]]) -> NDArray[np.float32]:
            sleep(0.001 if self.batches else 0.3)
            return super().encode(batch)

    queue = batcher(Stumbling(), max_cost=1, patience=0.1)
    await asyncio.gather(*map(queue.submit, "abc"))
    turned_away = 0

    for _ in range(100):
        answers = await asyncio.gather(*map(queue.submit, "ab"), return_exceptions=True)
        turned_away += sum(isinstance(answer, Overloaded) for answer in answers)

    assert 0 < turned_away < 30
    await queue.aclose()


async def test_an_encoder_that_returns_no_array_fails_its_batch_and_not_the_next() -> None:
    class Nothing(LengthEncoder):
        def encode(self, batch: Sequence[list[str]]) -> NDArray[np.float32]:
            vectors = super().encode(batch)
            return None if ["x"] in batch else vectors  # type: ignore[return-value]  # on purpose

    queue = batcher(Nothing())

    with pytest.raises(EncodingFailed, match="AttributeError"):
        await queue.submit("x")
    assert (await queue.submit("text"))[0] == 4
    await queue.aclose()


async def test_an_encoder_that_raises_fails_its_batch_and_not_the_next() -> None:
    class FailsOnX(LengthEncoder):
        def encode(self, batch: Sequence[list[str]]) -> NDArray[np.float32]:
            if ["x"] in batch:
                raise TimeoutError("the device is gone")
            return super().encode(batch)

    queue = batcher(FailsOnX())

    with pytest.raises(EncodingFailed, match=r"the encoder raised TimeoutError$"):
        await queue.submit("x")
    assert (await queue.submit("fine"))[0] == 4
    await queue.aclose()


async def test_what_an_encoder_says_of_its_failure_is_passed_on() -> None:
    class Unreachable(LengthEncoder):
        def encode(self, batch: Sequence[list[str]]) -> NDArray[np.float32]:
            raise EncodingFailed(f"nobody listens to {len(batch)}")

    queue = batcher(Unreachable())

    with pytest.raises(EncodingFailed, match=r"^nobody listens to 1$"):
        await queue.submit("x")
    await queue.aclose()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda vectors: vectors[1:],
        lambda vectors: vectors[:, 1:],
        lambda vectors: vectors.ravel(),
        lambda vectors: vectors * np.float32("nan"),
    ],
    ids=["too few", "too short", "no matrix", "no numbers"],
)
async def test_what_are_no_vectors_of_these_texts_is_an_error(
    spoil: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> None:
    class Spoiling(LengthEncoder):
        def encode(self, batch: Sequence[list[str]]) -> NDArray[np.float32]:
            return spoil(super().encode(batch))

    queue = batcher(Spoiling())

    with pytest.raises(EncodingFailed, match="no 1 vectors of"):
        await queue.submit("text")
    await queue.aclose()


class FailsToRead(LengthEncoder):
    """Cannot tokenize an x."""

    def tokenize(self, texts: Sequence[str]) -> Sequence[list[str]]:
        if "x" in texts:
            raise ValueError("a prompt that nobody may quote")
        return super().tokenize(texts)


class LosesTexts(LengthEncoder):
    """Tokenizes everything but an x."""

    def tokenize(self, texts: Sequence[str]) -> Sequence[list[str]]:
        return super().tokenize([text for text in texts if text != "x"])


@pytest.mark.parametrize("encoder", [FailsToRead(2), LosesTexts(2)], ids=["raises", "loses one"])
async def test_a_text_that_cannot_be_tokenized_fails_and_costs_no_worker(
    encoder: LengthEncoder,
) -> None:
    queue = batcher(encoder)

    for _ in range(3):
        with pytest.raises(EncodingFailed, match=r"^the encoder raised ValueError$"):
            await asyncio.wait_for(queue.submit("x"), 10)
    assert (await asyncio.wait_for(queue.submit("fine"), 10))[0] == 4
    assert queue.depth == 0
    await queue.aclose()


@pytest.mark.parametrize("workers", [1, 3])
async def test_closing_answers_what_is_queued_and_admits_nothing_more(workers: int) -> None:
    encoder = GatedEncoder(workers)
    queue = batcher(encoder, max_cost=1)
    first = await occupied(encoder, queue)
    rest = await submitted(queue, *"abcdef")
    closing = asyncio.create_task(queue.aclose())
    await asyncio.sleep(0)

    with pytest.raises(Closed):
        await queue.submit("late")
    encoder.gate.set()
    await asyncio.gather(first, *rest, closing)

    assert sorted(encoder.batches) == [*([letter] for letter in "abcdef"), ["first"]]


async def test_closing_ends_every_worker_and_may_be_asked_for_twice() -> None:
    before = set(threading.enumerate())
    queue = batcher(LengthEncoder(workers=3))
    workers = set(threading.enumerate()) - before

    await asyncio.gather(queue.aclose(), queue.aclose())

    assert len(workers) == 3
    assert not any(worker.is_alive() for worker in workers)


async def test_closing_outlives_callers_who_give_up_meanwhile() -> None:
    encoder = GatedEncoder(workers=2)
    queue = batcher(encoder, max_cost=1)
    first = await occupied(encoder, queue)
    rest = await submitted(queue, "a", "b", "c")
    closing = asyncio.create_task(queue.aclose())
    await asyncio.sleep(0)
    for task in rest:
        task.cancel()
    encoder.gate.set()

    await asyncio.wait_for(closing, 10)

    assert (await first)[0] == 5
    assert queue.depth == 0


async def test_a_batch_is_reported_with_its_padding() -> None:
    encoder = GatedEncoder()
    reports: list[BatchReport] = []
    queue = batcher(encoder, on_batch=reports.append)
    first = await occupied(encoder, queue)
    rest = await submitted(queue, "a", "b c d")
    encoder.gate.set()

    await asyncio.gather(first, *rest)

    assert [(report.size, report.padding) for report in reports] == [(1, 1.0), (2, 1.5)]
    assert len(reports[1].waited) == 2
    await queue.aclose()


async def test_a_text_without_tokens_is_a_text_like_others() -> None:
    class Silent(LengthEncoder):
        def tokenize(self, texts: Sequence[str]) -> Sequence[list[str]]:
            return [[] for _ in texts]

    queue = batcher(Silent())

    assert (await queue.submit("..."))[0] == 0
    await queue.aclose()
