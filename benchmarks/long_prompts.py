"""What long prompts cost, and whether short ones have to wait for them.

Requests take their whole way inside this process: parsed, read, tokenized, encoded, rewritten.
The router reads the head and the tail of a long prompt (`prompt.max_chars`); here it is also told
to read all of it, so that only the encoder's window is left to bound the work. One thread encodes,
neither cache nor static tier answers. Writes `results/long_prompts.json`, `.md` and `.svg`.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count, cycle
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Final, NamedTuple

import numpy as np
import yaml
from classification import machine
from in_process import Service, asking, running_service
from long_prompts_report import Results, Wait, Window, draw, markdown
from results_files import publish
from rich.console import Console

from semrouter_extproc.observe.metrics import Rung
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on

TOKENS: Final = (1_000, 4_000, 16_000, 64_000)
SHORT: Final = 20
WINDOWS: Final = {"as shipped": 500, "opened": 1_000_000}
"""The characters that the router reads."""

ROUNDS: Final = 30
TURNS: Final = 12
SECONDS: Final = 1.0
PAUSE: Final = 0.01
"""Seconds between an answer and the same caller's next request."""


class Answer(NamedTuple):
    """How long an answer took, and whether the encoder was asked for it."""

    seconds: float
    encoded: bool


class Prompts:
    """English prompts of any length, of which no two are the same."""

    def __init__(self, service: Service) -> None:
        source = Path(__file__).with_name("languages.yaml").read_text(encoding="utf-8")
        questions = [each["English"] for each in yaml.safe_load(source).values()]
        lengths = map(len, service.encoder.tokenize(questions))
        self._questions = list(zip(questions, lengths, strict=True))
        self._numbers = count()

    def of(self, tokens: int) -> bytes:
        """Return a request with a prompt of at least so many tokens."""
        words, length = [f"{next(self._numbers)}."], 0
        for question, tokens_of_it in cycle(self._questions):
            if length >= tokens:
                break
            words.append(question)
            length += tokens_of_it
        return asking(" ".join(words))


def main() -> None:
    """Measure both windows and write the three files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    console = Console()
    with waiting_on(console) as progress:
        windows = [asyncio.run(measure(name, progress)) for name in WINDOWS]
    results = Results(TOKENS, tuple(windows), machine())
    publish("long_prompts", results, markdown(results), console)
    draw(results)


async def measure(name: str, progress: Progress) -> Window:
    """Measure what prompts cost, then how long short ones wait beside them."""
    max_chars = WINDOWS[name]
    async with running_service(
        prompt={"max_chars": max_chars},
        classifier={"static_tier": False, "cache": 0},
        encoder={"threads": 1},
    ) as service:
        prompts = Prompts(service)
        progress.step(f"Asking long prompts, window {name}")
        batch, costs = await batch_and_costs(prompts, service)
        progress.step(f"Asking short prompts beside long ones, window {name}")
        alone, *beside = await waits(prompts, service)
    return Window(name, max_chars, batch, costs, alone, tuple(beside))


async def batch_and_costs(prompts: Prompts, service: Service) -> tuple[float, tuple[float, ...]]:
    """Return the milliseconds of one batch of the longest text, and of CPU for each length."""
    seconds: dict[int, list[float]] = {tokens: [] for tokens in TOKENS}
    batches = []
    for _ in range(ROUNDS):
        for tokens, found in seconds.items():
            request = prompts.of(tokens)
            started = process_time()
            routing = await service.send(request)
            found.append(process_time() - started)
            batches.append(batch_seconds(routing.text, service))
    return median(batches) * 1e3, tuple(median(each) * 1e3 for each in seconds.values())


def batch_seconds(text: str, service: Service) -> float:
    """Return the seconds of encoding a text alone."""
    tokens = service.encoder.tokenize([text])
    started = perf_counter()
    service.encoder.encode(tokens)
    return perf_counter() - started


async def waits(prompts: Prompts, service: Service) -> tuple[Wait, ...]:
    """Ask short prompts beside none, and beside long ones of each length, in turns."""
    answers: dict[int, list[Answer]] = {tokens: [] for tokens in (0, *TOKENS)}
    for _ in range(TURNS):
        for tokens, found in answers.items():
            async with streaming(tokens, prompts, service):
                found.extend(await short_prompts(prompts, service))
    return tuple(wait(each) for each in answers.values())


async def short_prompts(prompts: Prompts, service: Service) -> list[Answer]:
    """Ask short prompts for a while, one after another."""
    answers = []
    until = perf_counter() + SECONDS
    while (started := perf_counter()) < until:
        routing = await service.send(prompts.of(SHORT))
        answers.append(Answer(perf_counter() - started, routing.rung is Rung.ENCODER))
        await asyncio.sleep(PAUSE)
    return answers


def wait(answers: Sequence[Answer]) -> Wait:
    """Sum up how long short prompts waited."""
    middle, late, last = np.quantile([each.seconds for each in answers], (0.5, 0.99, 1.0)) * 1e3
    encoded = sum(each.encoded for each in answers) / len(answers)
    return Wait(float(middle), float(late), float(last), encoded)


@asynccontextmanager
async def streaming(tokens: int, prompts: Prompts, service: Service) -> AsyncIterator[None]:
    """Keep sending long prompts, one after another."""
    requests = cycle([prompts.of(tokens) for _ in range(4)])

    async def send() -> None:
        while True:
            await service.send(next(requests))
            await asyncio.sleep(PAUSE)

    sending = asyncio.create_task(send() if tokens else asyncio.sleep(0))
    try:
        yield
    finally:
        sending.cancel()


if __name__ == "__main__":
    main()
