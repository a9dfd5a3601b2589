"""Sends traffic and times it, in a process apart from all that is measured.

`python -m load.generator` reads a `Traffic` from standard input and writes `Answers` to
standard output, both as MessagePack. HTTP is spoken by hand, since a client library would cost
more than what is measured.
"""

import asyncio
import sys
from collections.abc import Sequence
from itertools import count
from time import perf_counter, process_time, sleep
from typing import Final

import msgspec
import numpy as np
import uvloop
from load.connection import Answer, Connection, post
from load.traffic import Answers, Traffic

_PATIENCE: Final = 10.0
"""Seconds for an answer, after which it counts as lost."""


class Generator:
    """Sends one `Traffic`, over as many connections as it takes."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._numbers = count()
        self._idle: list[Connection] = []
        self._due: list[float] = []
        self._answers: list[Answer] = []

    async def run(self) -> Answers:
        """Send everything and say what came back."""
        self._idle = [await self._connected() for _ in range(self._traffic.callers)]
        began, spent = perf_counter(), process_time()
        if self._traffic.rate is None:
            await self._keep_asking(until=began + self._traffic.seconds)
        else:
            await self._ask_when(self._arrivals(began, self._traffic.rate))
        return Answers(
            due=[due - began for due in self._due],
            latency=[answer.at - due for due, answer in zip(self._due, self._answers, strict=True)],
            status=[answer.status for answer in self._answers],
            reason=[answer.reason for answer in self._answers],
            generator_cpu=process_time() - spent,
        )

    async def _keep_asking(self, until: float) -> None:
        """Let every caller ask again as soon as it is answered."""

        async def one_caller() -> None:
            while (now := perf_counter()) < until:
                await self._ask(now)

        await asyncio.gather(*(one_caller() for _ in range(self._traffic.callers)))

    def _arrivals(self, began: float, rate: float) -> Sequence[float]:
        random = np.random.default_rng(self._traffic.seed)
        gaps = random.exponential(1 / rate, round(rate * self._traffic.seconds))
        return list(began + np.cumsum(gaps))

    async def _ask_when(self, due: Sequence[float]) -> None:
        """Ask at these times, whatever became of earlier requests."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as asking:

            def start(at: float) -> None:
                asking.create_task(self._ask(at))

            def pace() -> None:
                for at in due:
                    sleep(max(at - perf_counter(), 0))
                    loop.call_soon_threadsafe(start, at)

            # In a thread, since the timers of the loop are a millisecond coarse.
            await asyncio.to_thread(pace)

    async def _ask(self, due: float) -> None:
        connection = self._idle.pop() if self._idle else await self._connected()
        request = post(self._traffic.host, self._traffic.questions.body(next(self._numbers)))
        try:
            async with asyncio.timeout(_PATIENCE):
                answer = await connection.ask(request)
        except TimeoutError:
            answer = Answer(0, "", perf_counter())
        if answer.status:
            self._idle.append(connection)
        self._due.append(due)
        self._answers.append(answer)

    async def _connected(self) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(
            Connection, self._traffic.host, self._traffic.port
        )
        return connection


def main() -> None:
    """Generate the traffic that standard input describes."""
    traffic = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Traffic)
    answers = uvloop.run(Generator(traffic).run())
    sys.stdout.buffer.write(msgspec.msgpack.encode(answers))


if __name__ == "__main__":
    main()
