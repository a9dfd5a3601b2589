"""Clients of every kind: `python -m support.load.clients` reads a `Plan`, and writes `Outcome`s.

The plan is MessagePack on standard input, outcomes are lines of JSON on standard output, as they
come.
"""

import asyncio
import resource
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from time import perf_counter

import msgspec
import uvloop

from support.load.exchange import Connection, Exchange
from support.load.material import Kind, Material
from support.load.plan import Outcome, Plan


class Clients:
    """Follow one plan, over as many connections as it takes."""

    def __init__(self, plan: Plan, tell: Callable[[Outcome], None]) -> None:
        self._plan = plan
        self._tell = tell
        self._material = Material(plan.texts)
        # The one that waited longest comes first, or some would wait until Envoy closes them.
        self._idle: deque[Connection] = deque()

    async def run(self) -> None:
        """Ask everything, and wait for the last answer."""
        plan = self._plan
        self._began = perf_counter()
        turns = asyncio.Semaphore(plan.most or len(plan.due))
        async with asyncio.TaskGroup() as asking:
            for number, due, kind in zip(count(plan.first), plan.due, plan.kinds):
                await self._until(due)
                await turns.acquire()
                if self._now() > plan.seconds:
                    break
                asking.create_task(self._ask(kind, number, due, turns.release))
        for connection in self._idle:
            connection.writer.close()

    def _now(self) -> float:
        return perf_counter() - self._began

    async def _until(self, due: float) -> None:
        if due > self._now():
            await asyncio.sleep(due - self._now())

    async def _ask(
        self, kind: Kind, number: int, due: float, on_answer: Callable[[], None]
    ) -> None:
        exchange = Exchange(self._plan.host, self._material.body(kind, number), on_answer)
        # What broke shows in the outcome.
        with suppress(OSError, EOFError, TimeoutError):
            async with asyncio.timeout(self._plan.patience):
                await self._have(exchange, kind)
        ended = self._now()
        answered = exchange.answered_at
        if answered is None:
            on_answer()
        self._tell(
            Outcome(
                kind=kind,
                due=due,
                seconds=(answered - self._began if answered else ended) - due,
                ended=ended,
                status=exchange.status,
                reason=exchange.reason,
                is_whole=exchange.is_whole,
            )
        )

    async def _have(self, exchange: Exchange, kind: Kind) -> None:
        connection = await self._connection()
        try:
            await exchange.have(kind, connection)
        finally:
            if exchange.is_reusable:
                self._idle.append(connection)
            else:
                connection.writer.close()

    async def _connection(self) -> Connection:
        if self._idle:
            return self._idle.popleft()
        return Connection(*await asyncio.open_connection(self._plan.host, self._plan.port))


def main() -> None:
    """Follow the plan that standard input holds."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    plan = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Plan)

    def tell(outcome: Outcome) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
        sys.stdout.buffer.flush()

    uvloop.run(Clients(plan, tell).run())


if __name__ == "__main__":
    main()
