"""Cross-request batching: many callers, few worker threads, like lengths together.

There is no timer. Whenever a worker is free it takes the oldest entry and the waiting entries
nearest to it in length, as many as the budget allows: a lone request waits for nobody, and
under load the batches grow by themselves.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from time import perf_counter
from typing import Final, Generic

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.encoding.batches import take_batch
from semrouter_extproc.encoding.cores import step_back
from semrouter_extproc.encoding.encoder import Encoder, Tokens
from semrouter_extproc.encoding.pace import Pace
from semrouter_extproc.errors import Closed, EncodingFailed, Overloaded
from semrouter_extproc.observe.reports import BatchReport

Vector = NDArray[np.float32]

_MOST_CHARACTERS: Final = 2_000
"""Encoders read no more of a text, so that a longer one keeps nobody waiting for longer."""


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    text: str
    future: asyncio.Future[Vector]
    arrived: float

    @property
    def characters(self) -> int:
        # By which waits are foreseen, since who is admitted is not tokenized yet.
        return min(len(self.text), _MOST_CHARACTERS)


@dataclass(frozen=True, slots=True, eq=False)
class _Tokenized(Generic[Tokens]):
    entry: _Entry
    tokens: Tokens

    @property
    def cost(self) -> int:
        return max(len(self.tokens), 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Batch(Generic[Tokens]):
    items: Sequence[_Tokenized[Tokens]]
    is_full: bool


class Batcher(Generic[Tokens]):
    """A bounded queue in front of an encoder.

    `max_cost` limits a batch: its longest text, in tokens, times its number of texts.
    `max_queue` limits the entries that were admitted and are not answered yet. `patience`, in
    seconds, is how long an entry may be expected to wait: what could only come too late would
    take its time from those who can still be served. Create it inside a running event loop;
    `submit` belongs to that loop.
    """

    def __init__(
        self,
        encoder: Encoder[Tokens],
        *,
        max_cost: int,
        max_queue: int,
        patience: float,
        on_batch: Callable[[BatchReport], None],
    ) -> None:
        self._encoder = encoder
        self._max_cost = max_cost
        self._max_queue = max_queue
        self._patience = patience
        self._on_batch = on_batch
        self._loop = asyncio.get_running_loop()
        self._inbox: SimpleQueue[_Entry | None] = SimpleQueue()
        self._waiting: list[_Tokenized[Tokens]] = []
        self._choosing = threading.Lock()
        self._depth = 0
        self._backlog = 0
        self._pace = Pace(encoder.workers)
        self._closing = False
        self._workers = [
            threading.Thread(target=self._work, name=f"encoder-{number}", daemon=True)
            for number in range(encoder.workers)
        ]
        for worker in self._workers:
            worker.start()

    @property
    def depth(self) -> int:
        """How many entries were admitted and are neither answered nor dropped yet."""
        return self._depth

    @property
    def expected_wait(self) -> float:
        """How many seconds an entry that comes now will wait, by the pace of late."""
        return self._pace.seconds_for(self._backlog)

    async def submit(self, text: str) -> Vector:
        """Return the vector of `text`, a unit vector of the encoder's dimensions.

        A caller that is cancelled is not encoded; its place is free once a worker has seen
        that, so that callers who give up cannot fill the memory. Raises `Overloaded` when the
        queue is full or too slow, `Closed` after `aclose`, `EncodingFailed` when the encoder
        failed.
        """
        if self._closing:
            raise Closed("the router is shutting down")
        if self._depth >= self._max_queue or self.expected_wait > self._patience:
            raise Overloaded(f"{self._depth} prompts are waiting for the encoder")
        entry = _Entry(text, self._loop.create_future(), perf_counter())
        self._depth += 1
        self._backlog += entry.characters
        self._inbox.put(entry)
        return await entry.future

    async def aclose(self) -> None:
        """Answer what is queued, admit nothing more, end the worker threads."""
        if not self._closing:
            self._closing = True
            self._inbox.put(None)
        for worker in self._workers:
            await asyncio.to_thread(worker.join)

    def _work(self) -> None:
        step_back()
        while (batch := self._next_batch()) is not None:
            self._run(batch)

    def _next_batch(self) -> _Batch[Tokens] | None:
        """Wait for a batch; None means: closed, and nothing waits any more."""
        with self._choosing:
            while self._receive():
                self._drop_given_up()
                if self._waiting:
                    taken = take_batch(self._waiting, self._max_cost)
                    return _Batch(taken, is_full=bool(self._waiting))
            return None

    def _receive(self) -> bool:
        """Take what has arrived, sleeping while there is nothing to do.

        False means: closed, and everything is done.
        """
        arrived: list[_Entry] = []
        while not self._inbox.empty() or not (arrived or self._waiting):
            entry = self._inbox.get()
            if entry is None:
                # Left in the inbox for the next round and the other workers.
                self._inbox.put(None)
                break
            arrived.append(entry)
        self._waiting += self._tokenized(arrived)
        return bool(arrived or self._waiting)

    def _tokenized(self, entries: Sequence[_Entry]) -> Sequence[_Tokenized[Tokens]]:
        try:
            tokens = self._encoder.tokenize([entry.text for entry in entries])
            return [_Tokenized(entry, each) for entry, each in zip(entries, tokens, strict=True)]
        except Exception as error:  # noqa: BLE001 - the thread must outlive whatever a library raises
            self._hand_over(entries, _failure(error))
            return []

    def _drop_given_up(self) -> None:
        """Remove the entries that nobody waits for any more: they are not encoded."""
        waiting: list[_Tokenized[Tokens]] = []
        given_up: list[_Entry] = []
        for one in self._waiting:
            # Asked once: a caller may give up, on the loop's thread, between two answers.
            if one.entry.future.done():
                given_up.append(one.entry)
            else:
                waiting.append(one)
        self._waiting = waiting
        if given_up:
            self._loop.call_soon_threadsafe(self._leave, given_up)

    def _run(self, batch: _Batch[Tokens]) -> None:
        entries = [one.entry for one in batch.items]
        started = perf_counter()
        results = self._encode_safely([one.tokens for one in batch.items])
        finished = perf_counter()
        costs = [one.cost for one in batch.items]
        report = BatchReport(
            size=len(entries),
            padding=max(costs) * len(entries) / sum(costs),
            waited=[started - entry.arrived for entry in entries],
            seconds=finished - started,
            is_full=batch.is_full,
        )
        self._hand_over(entries, results, report)

    def _encode_safely(self, tokens: Sequence[Tokens]) -> Sequence[Vector] | EncodingFailed:
        try:
            vectors = self._encoder.encode(tokens)
            wanted = (len(tokens), self._encoder.dimensions)
            if vectors.shape != wanted or not np.isfinite(vectors).all():
                return EncodingFailed(f"no {wanted[0]} vectors of {wanted[1]} numbers came back")
            return list(vectors)
        except Exception as error:  # noqa: BLE001 - the thread must outlive whatever a model raises
            return _failure(error)

    def _hand_over(
        self,
        entries: Sequence[_Entry],
        results: Sequence[Vector] | EncodingFailed,
        report: BatchReport | None = None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._deliver, entries, results, report)

    def _deliver(
        self,
        entries: Sequence[_Entry],
        results: Sequence[Vector] | EncodingFailed,
        report: BatchReport | None,
    ) -> None:
        self._leave(entries)
        for index, entry in enumerate(entries):
            if entry.future.done():
                continue
            if isinstance(results, EncodingFailed):
                entry.future.set_exception(results)
            else:
                entry.future.set_result(results[index])
        if report is not None:
            characters = sum(entry.characters for entry in entries)
            self._pace.learn(characters, report.seconds, is_full=report.is_full)
            self._on_batch(report)

    def _leave(self, entries: Sequence[_Entry]) -> None:
        self._depth -= len(entries)
        self._backlog -= sum(entry.characters for entry in entries)


def _failure(error: Exception) -> EncodingFailed:
    if isinstance(error, EncodingFailed):
        return error
    # Its message could quote the prompt, and ours will be logged.
    return EncodingFailed(f"the encoder raised {type(error).__name__}")
