"""Cross-request batching: many callers, one worker thread, like lengths together.

There is no timer. Whenever the worker is free it takes the oldest entry and the waiting
entries nearest to it in length, as many as the budget allows: a lone request waits for
nobody, and under load the batches grow by themselves. The encoder pads every text to the
longest of its batch, so a batch of unlike lengths costs more than no batch at all.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.errors import Closed, EncodingFailed, Overloaded
from semrouter_extproc.observe.reports import BatchReport

Vector = NDArray[np.float32]
Encode = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    text: str
    future: asyncio.Future[Vector]
    arrived: float

    @property
    def cost(self) -> int:
        # Characters stand for tokens: as good for choosing companions, and free to count.
        return max(len(self.text), 1)


class Batcher:
    """A bounded queue in front of an encoder.

    `max_cost` limits a batch: characters of its longest text times its number of texts.
    `max_queue` limits the entries that were admitted and are not answered yet. Create it
    inside a running event loop; `submit` belongs to that loop.
    """

    def __init__(
        self,
        encode: Encode,
        *,
        max_cost: int,
        max_queue: int,
        on_batch: Callable[[BatchReport], None],
    ) -> None:
        self._encode = encode
        self._max_cost = max_cost
        self._max_queue = max_queue
        self._on_batch = on_batch
        self._loop = asyncio.get_running_loop()
        self._inbox: SimpleQueue[_Entry | None] = SimpleQueue()
        self._depth = 0
        self._closing = False
        self._worker = threading.Thread(target=self._work, name="encoder", daemon=True)
        self._worker.start()

    @property
    def depth(self) -> int:
        """How many entries were admitted and are neither answered nor dropped yet."""
        return self._depth

    async def submit(self, text: str) -> Vector:
        """Return the vector of `text`, a unit vector of the encoder's dimensions.

        A caller that is cancelled is not encoded; its place is free once the worker has seen
        that, so that callers who give up cannot fill the memory. Raises `Overloaded` when the
        queue is full, `Closed` after `aclose`, `EncodingFailed` when the encoder failed.
        """
        if self._closing:
            raise Closed("the router is shutting down")
        if self._depth >= self._max_queue:
            raise Overloaded(f"{self._depth} prompts are waiting for the encoder")
        entry = _Entry(text, self._loop.create_future(), perf_counter())
        self._depth += 1
        self._inbox.put(entry)
        return await entry.future

    async def aclose(self) -> None:
        """Answer what is queued, admit nothing more, end the worker thread."""
        if not self._closing:
            self._closing = True
            self._inbox.put(None)
        await asyncio.to_thread(self._worker.join)

    def _work(self) -> None:
        waiting: list[_Entry] = []
        while self._receive(waiting):
            self._drop_given_up(waiting)
            if waiting:
                self._run(take_batch(waiting, self._max_cost))

    def _receive(self, waiting: list[_Entry]) -> bool:
        """Move the inbox to `waiting`, sleeping while there is nothing to do.

        False means: closed, and everything is done.
        """
        while not waiting or not self._inbox.empty():
            entry = self._inbox.get()
            if entry is None:
                # Left in the inbox for the next round, after what still waits.
                self._inbox.put(None)
                return bool(waiting)
            waiting.append(entry)
        return True

    def _drop_given_up(self, waiting: list[_Entry]) -> None:
        """Remove the entries that nobody waits for any more: they are not encoded."""
        before = len(waiting)
        waiting[:] = [entry for entry in waiting if not entry.future.done()]
        if before > len(waiting):
            self._loop.call_soon_threadsafe(self._leave, before - len(waiting))

    def _leave(self, count: int) -> None:
        self._depth -= count

    def _run(self, batch: Sequence[_Entry]) -> None:
        started = perf_counter()
        results = self._encode_safely([entry.text for entry in batch])
        finished = perf_counter()
        longest = max(entry.cost for entry in batch)
        report = BatchReport(
            size=len(batch),
            padding=longest * len(batch) / sum(entry.cost for entry in batch),
            waited=[started - entry.arrived for entry in batch],
            seconds=finished - started,
        )
        self._loop.call_soon_threadsafe(self._deliver, batch, results, report)

    def _encode_safely(self, texts: Sequence[str]) -> Sequence[Vector] | EncodingFailed:
        try:
            return self._checked(texts)
        except EncodingFailed as error:
            return error
        except Exception as error:  # noqa: BLE001 - the thread must outlive whatever a model raises
            # Its message could quote the prompt, and ours will be logged.
            return EncodingFailed(f"the encoder raised {type(error).__name__}")

    def _checked(self, texts: Sequence[str]) -> Sequence[Vector]:
        vectors = self._encode(texts)
        if vectors.ndim != 2 or len(vectors) != len(texts):  # noqa: PLR2004 - a matrix has two
            raise EncodingFailed(f"{len(texts)} texts gave vectors of shape {vectors.shape}")
        if not np.isfinite(vectors).all():
            raise EncodingFailed("the encoder returned numbers that are not finite")
        return list(vectors)

    def _deliver(
        self,
        batch: Sequence[_Entry],
        results: Sequence[Vector] | EncodingFailed,
        report: BatchReport,
    ) -> None:
        self._leave(len(batch))
        for index, entry in enumerate(batch):
            if entry.future.done():
                continue
            if isinstance(results, EncodingFailed):
                entry.future.set_exception(results)
            else:
                entry.future.set_result(results[index])
        self._on_batch(report)


def take_batch(waiting: list[_Entry], max_cost: int) -> list[_Entry]:
    """Remove the next batch from `waiting` (oldest first) and return it.

    The oldest entry is always in it, so nobody starves; its nearest in length join while
    the longest text times their number stays within `max_cost`.
    """
    oldest = waiting[0]
    batch, longest = [oldest], oldest.cost
    for entry in sorted(waiting[1:], key=lambda entry: abs(entry.cost - oldest.cost)):
        longest = max(longest, entry.cost)
        if longest * (len(batch) + 1) > max_cost:
            break
        batch.append(entry)
    taken = set(map(id, batch))
    waiting[:] = [entry for entry in waiting if id(entry) not in taken]
    return batch
