"""Two routers behind one Envoy, to which one trouble after the other happens while clients ask."""

import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

import yaml

from semrouter_extproc.config import Address, Config, parse
from semrouter_extproc.envoy.bootstrap import render
from semrouter_extproc.envoy.launcher import EnvoyProcess
from semrouter_extproc.testing.asking import Answer, Question
from semrouter_extproc.testing.faults import Cell
from semrouter_extproc.testing.upstream import Arrived, Upstream, running_upstream
from semrouter_extproc.testing.victim import Victim
from support.fault_benches import FAULTY_ROUTER
from support.ports import free_port
from support.stack import LAW, MATH, chat_body

CLIENTS: Final = 8
REPLICAS: Final = 2
LONG_BODY: Final = 200_000
EVENTS: Final = 5

_NUMBER: Final = "x-question"
_TOPICS: Final = 25
"""Of the prompts that come again and again."""


@dataclass(frozen=True)
class Replica:
    """A router, its page, and the file that says how its encoder fails."""

    victim: Victim
    page: Path
    encoder: Path


Trouble = Callable[[Sequence[Replica]], None]
"""Happens, and is over when it returns."""


def _dead(replicas: Sequence[Replica]) -> None:
    one = random.choice(replicas)  # noqa: S311 - no secret
    one.victim.kill()
    time.sleep(1)
    one.victim.start()


def _all_dead(replicas: Sequence[Replica]) -> None:
    for each in replicas:
        each.victim.kill()
    time.sleep(0.5)
    for each in replicas:
        each.victim.start()


def _flapping(replicas: Sequence[Replica]) -> None:
    for _ in range(3):
        replicas[0].victim.kill()
        replicas[0].victim.start()


def _paused(replicas: Sequence[Replica]) -> None:
    one = random.choice(replicas)  # noqa: S311 - no secret
    one.victim.pause()
    time.sleep(4)
    one.victim.resume()


def _slow(replicas: Sequence[Replica]) -> None:
    for _ in range(8):
        replicas[0].victim.pause()
        time.sleep(0.3)
        replicas[0].victim.resume()
        time.sleep(0.1)


def _starved(replicas: Sequence[Replica]) -> None:
    one = random.choice(replicas)  # noqa: S311 - no secret
    one.victim.starve()
    time.sleep(2)
    one.victim.feed()


def _encoder(fault: str, replicas: Sequence[Replica]) -> None:
    one = random.choice(replicas)  # noqa: S311 - no secret
    one.encoder.write_text(fault)
    time.sleep(2)
    one.encoder.write_text("")


def _broken_page(replicas: Sequence[Replica]) -> None:
    one = random.choice(replicas)  # noqa: S311 - no secret
    good = one.page.read_bytes()
    one.page.write_bytes(good[: len(good) // 2])
    # Long enough to be looked at, and refused.
    time.sleep(3)
    one.page.write_bytes(good)


def _none(_: Sequence[Replica]) -> None:
    time.sleep(0.1)


TROUBLES: Final[Mapping[str, Trouble]] = {
    "none": _none,
    "one is dead": _dead,
    "both are dead": _all_dead,
    "one flaps": _flapping,
    "one is paused past the timeout": _paused,
    "one is slow": _slow,
    "one is out of descriptors": _starved,
    "the encoder of one hangs": partial(_encoder, "hangs"),
    "the encoder of one raises": partial(_encoder, "raises"),
    "the encoder of one gives NaN": partial(_encoder, "gives NaN"),
    "the page of one is broken": _broken_page,
}


@dataclass
class Storm:
    """Routers with their front and model, and the clients that ask."""

    front: Address
    model: Upstream
    replicas: Sequence[Replica]
    _numbers: Iterator[int] = field(default_factory=count)

    def blow(self, trouble: Trouble, requests: int) -> Sequence[Cell]:
        """Have `trouble` again and again until so many requests are answered."""
        numbers = [next(self._numbers) for _ in range(requests)]
        with ThreadPoolExecutor(CLIENTS) as pool:
            asking = [pool.submit(self._ask, number) for number in numbers]
            while not all(map(Future.done, asking)):
                trouble(self.replicas)
        answers = [each.result() for each in asking]
        return self._judged(numbers, answers)

    def _ask(self, number: int) -> Answer:
        with Question(self.front, body_of(number), headers={_NUMBER: str(number)}) as question:
            question.send()
            return question.answer()

    def _judged(self, numbers: Sequence[int], answers: Sequence[Answer]) -> Sequence[Cell]:
        arrived = _by_number(self.model.arrived)
        broken_off = _by_number(self.model.broken_off)
        self.model.arrived.clear()
        self.model.broken_off.clear()
        return [
            Cell(body_of(number), answer, arrived[number], broken_off[number])
            for number, answer in zip(numbers, answers, strict=True)
        ]


def _by_number(arrived: Sequence[Arrived]) -> Mapping[int, Sequence[Arrived]]:
    found: defaultdict[int, list[Arrived]] = defaultdict(list)
    for each in arrived:
        found[int(each.headers[_NUMBER])].append(each)
    return found


def body_of(number: int) -> bytes:
    """Return a body: one in ten is a stream, one in ten new to the router, one in fifty long."""
    topic = number if number % 10 == 0 else number % _TOPICS
    prompt = f"{LAW if number % 2 else MATH} (question {topic})"
    members: dict[str, Any] = {}
    if number % 10 == 1:
        members["stream"] = True
    if number % 50 == 2:
        members["user"] = "x" * LONG_BODY
    return chat_body(prompt, **members)


@contextmanager
def running_storm(folder: Path) -> Iterator[Storm]:
    """Run everything for as long as the block lasts."""
    with ExitStack() as stack:
        model = stack.enter_context(running_upstream("model", events=EVENTS))
        ports = [free_port() for _ in range(REPLICAS)]
        replicas = [
            stack.enter_context(_running_replica(_config(model, port), folder / str(port)))
            for port in ports
        ]
        front = _config(model, *ports)
        stack.enter_context(EnvoyProcess(render(front), folder))
        yield Storm(front.envoy.listen, model, replicas)


@contextmanager
def _running_replica(config: Config, folder: Path) -> Iterator[Replica]:
    folder.mkdir()
    page, encoder = folder / "semrouter.yaml", folder / "encoder-fault"
    page.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    encoder.write_text("")
    command = (sys.executable, FAULTY_ROUTER, page, encoder)
    victim = Victim(command, config.server.grpc, folder / "router.log")
    with victim.running():
        yield Replica(victim, page, encoder)


def _config(model: Upstream, *routers: int) -> Config:
    """Return the page of the router at the first port, and of an Envoy before all of them."""
    page = {
        "models": {
            "thinker": {"dialect": "gpt-oss", "endpoints": [model.address]},
            "talker": {"dialect": "qwen3", "endpoints": [model.address]},
        },
        "default": {"model": "talker", "reasoning": "off"},
        "routes": {"math": {"reasoning": "high", "model": "thinker"}},
        "classifier": {"static_tier": False},
        "server": {"grpc": f"127.0.0.1:{routers[0]}", "admin": f"127.0.0.1:{free_port()}"},
        "envoy": {
            "listen": f"127.0.0.1:{free_port()}",
            "admin": f"127.0.0.1:{free_port()}",
            "router": [f"127.0.0.1:{port}" for port in routers],
            "message_timeout": "2s",
        },
    }
    return parse(page, source="the storm's page")
