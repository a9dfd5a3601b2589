"""Bodies made to cost as much as they can, each in two sizes, beside Python's own reading of them.

A model's server reads every body with `json.loads`, so that is the price that a client could have
made somebody pay in any case. Writes `results/hostile.json` and `.md`.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import Final

from classification import machine
from in_process import Service, running_service
from results_files import publish
from rich.console import Console

from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on

SMALL_BYTES: Final = 1_000_000
TIMES: Final = 4
"""How much larger the large size is."""

REPEATS: Final = 5


def chat(messages: object, **members: object) -> bytes:
    """Return a chat completion's body."""
    return json.dumps({"model": "auto", "messages": messages, **members}).encode()


def said(unit: str) -> Callable[[int], bytes]:
    """Make one user turn of `unit`, again and again."""
    return lambda size: chat([{"role": "user", "content": unit * (size // len(unit))}])


def turns(**turn: object) -> Callable[[int], bytes]:
    """Make very many turns."""
    return lambda size: chat([turn] * (size // (len(json.dumps(turn)) + 2)))


def nested(opening: bytes, closing: bytes) -> Callable[[int], bytes]:
    """Make a member that is nested as deep as it goes."""

    def body(size: int) -> bytes:
        depth = size // len(opening + closing)
        return b'{"model": "auto", "messages": ' + opening * depth + b"1" + closing * depth + b"}"

    return body


def many_members(size: int) -> bytes:
    """Make very many members beside those that are ours."""
    return chat([], **{f"member{number}": number for number in range(size // 26)})


def not_plain(size: int) -> bytes:
    """Make a body that only Python's own parser reads."""
    return chat([{"role": "user", "content": "x" * size}], top_p=float("nan"))


KINDS: Final[Mapping[str, Callable[[int], bytes]]] = {
    "one word": said("x"),
    "white space": said(" "),
    "tags that nobody closes": said("<system-reminder>"),
    "tags, opened and closed": said("<system-reminder>x</system-reminder>"),
    "less-than signs": said("<"),
    "commands": said("/think "),
    "fences": said("```"),
    "combining characters": said("\u0301"),
    "turns": turns(role="user", content="x"),
    "empty turns": turns(role="user", content=""),
    "results of tools": turns(role="tool", tool_call_id="1", content="x"),
    "parts": lambda size: chat(
        [{"role": "user", "content": [{"type": "text", "text": "x"}] * (size // 31)}]
    ),
    "members": many_members,
    "nested lists": nested(b"[", b"]"),
    "nested objects": nested(b'{"a":', b"}"),
    "not-a-number": not_plain,
    "UTF-16": lambda size: (
        chat([{"role": "user", "content": "x" * (size // 2)}]).decode().encode("utf-16")
    ),
    "a long model": lambda size: json.dumps({"model": "m" * size, "messages": []}).encode(),
}


@dataclass(frozen=True, slots=True)
class Row:
    """CPU for a kind of body, in milliseconds: the router's by size, and `json.loads`'s."""

    kind: str
    reason: str
    small_ms: float
    large_ms: float
    json_ms: float

    @property
    def growth(self) -> float:
        """How much more the large body takes."""
        return self.large_ms / self.small_ms


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure."""

    machine: str
    rows: list[Row]


def main() -> None:
    """Measure and publish."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    console = Console()
    with waiting_on(console) as progress:
        results = asyncio.run(run(progress))
    publish("hostile", results, markdown(results), console)


async def run(progress: Progress) -> Results:
    """Send every kind in both sizes."""
    progress.step("Hostile bodies")
    rows = []
    patient = {"server": {"deadline": "5s"}, "envoy": {"message_timeout": "10s"}}
    # Nothing is remembered, as every client could send another text.
    async with running_service(**patient, classifier={"cache": 0}) as own:
        await own.send(chat([{"role": "user", "content": "x"}]))
        for kind, make in KINDS.items():
            progress.detail(kind)
            rows.append(await measured(own, kind, make))
    return Results(machine(), rows)


async def measured(own: Service, kind: str, make: Callable[[int], bytes]) -> Row:
    """Measure one kind."""
    small, large = make(SMALL_BYTES), make(TIMES * SMALL_BYTES)
    routing = await own.send(large)
    return Row(
        kind=kind,
        reason=routing.decision.reason.value,
        small_ms=median([await spent(own, small) for _ in range(REPEATS)]),
        large_ms=median([await spent(own, large) for _ in range(REPEATS)]),
        json_ms=median(reading(large) for _ in range(REPEATS)),
    )


async def spent(own: Service, body: bytes) -> float:
    """Return milliseconds of CPU for one request, in all threads."""
    began = time.process_time()
    await own.send(body)
    return (time.process_time() - began) * 1e3


def reading(body: bytes) -> float:
    """Return milliseconds of CPU for `json.loads`, which may refuse the body."""
    began = time.process_time()
    with suppress(ValueError, RecursionError):
        json.loads(body)
    return (time.process_time() - began) * 1e3


def markdown(results: Results) -> str:
    """Return the figures as a table."""
    setup = (
        "Milliseconds of CPU that one request takes in a router without Envoy, by the size of its "
        f"body: 1 and {TIMES} MB, median of {REPEATS}. What grows in proportion grows {TIMES} "
        "times. Beside it, Python's `json.loads` of the large one."
    )
    return "\n".join(
        [
            "# Hostile bodies",
            "",
            setup,
            "",
            f"| a body of | reason | 1 MB | {TIMES} MB | grows | `json.loads` |",
            "| --- | --- | --- | --- | --- | --- |",
            *(
                f"| {row.kind} | `{row.reason}` | {row.small_ms:.0f} | {row.large_ms:.0f} "
                f"| {row.growth:.1f} | {row.json_ms:.0f} |"
                for row in results.rows
            ),
            "",
            f"Measured on {results.machine}.",
            "",
        ]
    )


if __name__ == "__main__":
    main()
