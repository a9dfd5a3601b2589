"""Traffic that goes on beside the block, from a process apart from all that is tried."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import IO, Final

import msgspec

from semrouter_extproc.config import Address
from support.load.material import Kind, mixed
from support.load.plan import Outcome, Plan

_FOLDER: Final = Path(__file__).parents[2]


class Offering:
    """A process of clients; `outcomes` grows as they come."""

    def __init__(self, process: "subprocess.Popen[bytes]", pipe: IO[bytes]) -> None:
        self.pid = process.pid
        self.outcomes: list[Outcome] = []
        self._process = process
        self._listener = threading.Thread(target=self._listen, args=(pipe,))
        self._listener.start()

    def ended(self, seconds: float | None = None) -> bool:
        """Wait so long for the end of the plan, and say whether it has come."""
        self._listener.join(seconds)
        return not self._listener.is_alive()

    def all_outcomes(self) -> Sequence[Outcome]:
        """Wait for the last one; raises `RuntimeError` if the clients broke."""
        self.ended()
        if code := self._process.wait():
            raise RuntimeError(f"the clients ended with {code}")
        return self.outcomes

    def _listen(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            self.outcomes.append(msgspec.json.decode(line, type=Outcome))


@contextmanager
def offering(plan: Plan) -> Iterator[Offering]:
    """Follow a plan; what is not asked at the end of the block never is."""
    command = [sys.executable, "-m", "support.load.clients"]
    with subprocess.Popen(
        command, cwd=_FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        offered = Offering(process, process.stdout)
        try:
            process.stdin.write(msgspec.msgpack.encode(plan))
            process.stdin.close()
            yield offered
        finally:
            process.kill()
            offered.ended()


def offered(plan: Plan) -> Sequence[Outcome]:
    """Follow a plan to its end."""
    with offering(plan) as clients:
        return clients.all_outcomes()


def at_random(
    address: Address, texts: Sequence[str], rate: float, seconds: float, *, first: int = 0
) -> Plan:
    """Plan mixed traffic, so many requests a second, each due at random."""
    random = Random(first)  # noqa: S311 - nobody guesses
    due = sorted(random.uniform(0, seconds) for _ in range(round(rate * seconds)))
    return all_due(address, texts, due, mixed(len(due), seed=first), first=first)


def all_due(
    address: Address,
    texts: Sequence[str],
    due: Sequence[float],
    kinds: Sequence[Kind],
    *,
    first: int = 0,
) -> Plan:
    """Plan requests that are due at these seconds."""
    host, port = address.reachable
    return Plan(host=host, port=port, texts=texts, due=due, kinds=kinds, first=first)
