"""Traffic for one address: what is asked, how it arrives, what came back."""

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from semrouter_extproc.config import Address
from semrouter_extproc.core.policy import Reason

_SCRIPTS: Final = Path(__file__).parents[1]
_OK: Final = 200
_OPENED: Final = 64
"""Connections that strangers find open; more are made as they are needed."""

CLASSIFIED: Final = frozenset({Reason.ROUTED, Reason.LOW_MARGIN, Reason.SHORT_BUDGET})


class Questions(msgspec.Struct, frozen=True):
    """Chat completions without end, of which no two ask the same.

    The texts follow one another; in each further round every one carries the round's number.
    With `span`, only so many are different, and then they come again.
    """

    texts: Sequence[str]
    model: str = "auto"
    first: int = 0
    span: int | None = None

    def body(self, number: int) -> bytes:
        """Return the request with this number, counted from 0."""
        index = self.first + (number if self.span is None else number % self.span)
        turn, place = divmod(index, len(self.texts))
        text = f"{self.texts[place]} ({turn})" if turn else self.texts[place]
        message = {"role": "user", "content": text}
        document = {"model": self.model, "messages": [message], "max_tokens": 4096}
        return msgspec.json.encode(document)

    def after(self, count: int) -> "Questions":
        """Return the questions that follow the first `count`."""
        return msgspec.structs.replace(self, first=self.first + count)


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """How requests arrive for `seconds`.

    With a `rate`, as many a second, at random and whatever became of those before (open
    loop); otherwise by `callers` who each wait for an answer before they ask again.
    """

    host: str
    port: int
    questions: Questions
    seconds: float
    callers: int = 1
    rate: float | None = None
    seed: int = 0


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What came back, a row for each request in the order of the answers.

    `due` are the seconds at which a request was to be sent, counted from the start, and
    `latency` the seconds from then to its last byte. Status 0 is no answer. `reason` is the
    router's word, "" without one. `generator_cpu` are the seconds that asking took.
    """

    due: Sequence[float]
    latency: Sequence[float]
    status: Sequence[int]
    reason: Sequence[str]
    generator_cpu: float

    def __len__(self) -> int:
        """Count the requests."""
        return len(self.status)

    @property
    def seconds(self) -> float:
        """From the first request to the last answer."""
        ends = np.add(self.due, self.latency)
        return float(ends.max() - min(self.due))

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self) / self.seconds

    @property
    def classified(self) -> int:
        """How many were placed by what they say, and not by default."""
        return sum(reason in CLASSIFIED for reason in self.reason)

    @property
    def failures(self) -> int:
        """How many got no answer, or another status than 200."""
        return sum(status != _OK for status in self.status)

    @property
    def reasons(self) -> Mapping[str, int]:
        """How often the router said what."""
        return Counter(self.reason)

    def percentile(self, rank: float) -> float:
        """Return the latency that `rank` percent of the requests stay within."""
        return float(np.percentile(self.latency, rank))


def callers(count: int, address: Address, questions: Questions, seconds: float) -> Traffic:
    """Return traffic of callers who wait for their answers."""
    host, port = address.reachable
    return Traffic(host=host, port=port, questions=questions, seconds=seconds, callers=count)


def arrivals(rate: float, address: Address, questions: Questions, seconds: float) -> Traffic:
    """Return traffic of strangers: `rate` requests a second, at random."""
    host, port = address.reachable
    return Traffic(
        host=host,
        port=port,
        questions=questions,
        seconds=seconds,
        callers=_OPENED,
        rate=rate,
        seed=questions.first,
    )


def send(traffic: Traffic) -> Answers:
    """Send it all, from a process of its own, and wait for the last answer."""
    finished = subprocess.run(
        [sys.executable, "-m", "load.generator"],
        cwd=_SCRIPTS,
        input=msgspec.msgpack.encode(traffic),
        stdout=subprocess.PIPE,
        check=True,
    )
    return msgspec.msgpack.decode(finished.stdout, type=Answers)
