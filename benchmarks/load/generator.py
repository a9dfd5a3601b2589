"""Sends traffic and times it, in a process apart from all that is measured.

`python -m load.generator` reads a `Traffic` from standard input and writes `Answers` to
standard output, both as MessagePack. HTTP is spoken by hand, since a client library would cost
more than what is measured.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Sequence
from itertools import count
from time import perf_counter, process_time, sleep
from typing import Final

import msgspec
import numpy as np
import uvloop
from load.connection import Answer, Connection, post
from load.traffic import Answers, Traffic

_MOST_CONNECTIONS: Final = 4096
"""How many requests are under way at most; more are late before they are sent."""

_PATIENCE: Final = 10.0
"""Seconds for the last answers, after which they count as lost."""


class Generator:
    """Sends one `Traffic`, over as many connections as it takes."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._numbers = count()
        self._idle: list[Connection] = []
        self._waiting: deque[float] = deque()
        self._busy: set[Connection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._answers: list[Answer] = []

    async def run(self) -> Answers:
        """Send everything and say what came back."""
        for _ in range(self._traffic.callers):
            await self._connect()
        self._began, spent = perf_counter(), process_time()
        self._until = self._began + self._traffic.seconds
        if self._traffic.rate is None:
            for _ in range(self._traffic.callers):
                self._ask(perf_counter())
            await asyncio.sleep(self._traffic.seconds)
        else:
            await self._ask_when(self._arrivals(self._traffic.rate))
        await self._last_answers()
        return self._result(process_time() - spent)

    def _arrivals(self, rate: float) -> Sequence[float]:
        random = np.random.default_rng(self._traffic.seed)
        gaps = random.exponential(1 / rate, round(rate * self._traffic.seconds))
        arrivals: list[float] = (self._began + np.cumsum(gaps)).tolist()
        return arrivals

    async def _ask_when(self, due: Sequence[float]) -> None:
        """Ask at these times, whatever became of earlier requests."""
        loop = asyncio.get_running_loop()

        def pace() -> None:
            for at in due:
                sleep(max(at - perf_counter(), 0))
                loop.call_soon_threadsafe(self._ask, at)

        # In a thread, since the timers of the loop are a millisecond coarse.
        await asyncio.to_thread(pace)

    def _ask(self, due: float) -> None:
        if self._idle:
            connection = self._idle.pop()
            self._busy.add(connection)
            body = self._traffic.questions.body(next(self._numbers))
            connection.ask(post(self._traffic.host, body), due)
        elif len(self._busy) + len(self._connecting) >= _MOST_CONNECTIONS:
            self._waiting.append(due)
        else:
            task = asyncio.create_task(self._connect_and_ask(due))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connect_and_ask(self, due: float) -> None:
        try:
            await self._connect()
        except OSError:
            self._answers.append(Answer(due, perf_counter(), 0, ""))
        else:
            self._ask(due)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        host, port = self._traffic.host, self._traffic.port
        _, connection = await loop.create_connection(
            lambda: Connection(self._on_answer), host, port
        )
        self._idle.append(connection)

    def _on_answer(self, connection: Connection, answer: Answer) -> None:
        self._answers.append(answer)
        self._busy.discard(connection)
        if answer.status:
            self._idle.append(connection)
        if self._waiting:
            self._ask(self._waiting.popleft())
        elif self._traffic.rate is None and answer.at < self._until:
            self._ask(answer.at)

    async def _last_answers(self) -> None:
        """Wait for those who still wait, but not for ever."""
        give_up = perf_counter() + _PATIENCE
        # An event would have to be set and cleared with every answer.
        while (self._busy or self._connecting) and perf_counter() < give_up:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for connection in list(self._busy):
            connection.connection_lost(None)

    def _result(self, spent: float) -> Answers:
        return Answers(
            due=[answer.due - self._began for answer in self._answers],
            latency=[answer.at - answer.due for answer in self._answers],
            status=[answer.status for answer in self._answers],
            reason=[answer.reason for answer in self._answers],
            generator_cpu=spent,
        )


def main() -> None:
    """Generate the traffic that standard input describes."""
    traffic = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Traffic)
    answers = uvloop.run(Generator(traffic).run())
    sys.stdout.buffer.write(msgspec.msgpack.encode(answers))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
