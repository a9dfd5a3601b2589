"""Routers that are replaced while clients ask."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from semrouter_extproc.config import Address, Config
from support.client import Answer, send
from support.processes import RouterProcess
from support.stack import LAW, MATH, chat_body

CLIENTS = 4
LISTENERS = 3


@dataclass
class Load:
    """Clients that ask until they are told to stop; no question comes twice."""

    front: Address
    answers: list[Answer] = field(default_factory=list)
    streams: list[Answer] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Ask for as long as the block lasts; raises what a client raised."""
        with ThreadPoolExecutor(CLIENTS + LISTENERS) as pool:
            clients = [pool.submit(self._ask) for _ in range(CLIENTS)]
            clients += [pool.submit(self._listen) for _ in range(LISTENERS)]
            try:
                yield
            finally:
                self._over.set()
        for client in clients:
            client.result()

    def _ask(self) -> None:
        while not self._over.is_set():
            self.answers.append(self._send())
            time.sleep(0.05)

    def _listen(self) -> None:
        while not self._over.is_set():
            self.streams.append(self._send(stream=True))

    def _send(self, **members: bool) -> Answer:
        number = next(self._numbers)
        body = chat_body(f"{LAW if number % 2 else MATH} (question {number})", **members)
        return send(self.front, body, method="POST", path="/v1/chat/completions", headers={})


@dataclass
class Replicas:
    """Routers of which each can be replaced; `exits` are the codes of those that left."""

    running: list[RouterProcess]
    exits: list[int] = field(default_factory=list)

    def replace(self, place: int) -> None:
        """End a router in order, and wait until its successor, on the same ports, is ready."""
        leaving = self.running[place]
        leaving.terminate()
        self.exits.append(leaving.wait())
        self.running[place] = RouterProcess(leaving.config, leaving.log.parent)
        self.running[place].await_ready()

    def kill(self, place: int) -> None:
        """End whichever router is there, at once."""
        self.running[place].kill()

    def all_decide(self) -> bool:
        """Say whether each has decided about a request."""
        return all(router.metric("semrouter_requests_total") > 0 for router in self.running)


@contextmanager
def running_replicas(configs: list[Config], folder: Path) -> Iterator[Replicas]:
    """Run a router of each configuration, and at the end stop whichever are there."""
    replicas = Replicas([])
    with ExitStack() as running:
        for number, config in enumerate(configs):
            own = folder / f"router-{number}"
            own.mkdir()
            replicas.running.append(RouterProcess(config, own))
            running.callback(replicas.kill, number)
        for router in replicas.running:
            router.await_ready()
        yield replicas
