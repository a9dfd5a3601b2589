"""Ways to feed a device, each measured with and without."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
import torch
from gpu_encoding import Batch, Encode, Network, as_they_come, bucketed, pace
from gpu_report import Option

ROUNDS: Final = 4
THREADS: Final = 2
LONE_TOKENS: Final = 64

Rate = Callable[[float], float]
"""Texts a second, measured for so many seconds."""


def options(folder: Path, device: str, tokens: Batch, budget: int, seconds: float) -> list[Option]:
    """Measure every option that the device has."""
    return [
        measured(name, case, choices, seconds)
        for name, case, choices in candidates(folder, device, tokens, budget)
    ]


def candidates(
    folder: Path, device: str, tokens: Batch, budget: int
) -> Iterator[tuple[str, str, Callable[[], tuple[Rate, Rate]]]]:
    """Yield name, case, and what makes the two ways: without the option, and with it."""
    network = Network(folder, device, torch.bfloat16)
    exact = Network(folder, device, torch.float32)
    full = bucketed(tokens, budget)
    mixed = list(as_they_come(tokens, budget))
    alone = encoding(network.encode, full)
    yield "length buckets", "full batches", lambda: (encoding(network.encode, mixed), alone)
    yield "bfloat16", "full batches", lambda: (encoding(exact.encode, full), alone)
    yield "two threads", "full batches", lambda: (alone, side_by_side(network.encode, full))
    if device.startswith("cuda"):
        compiled = Network(folder, device, torch.bfloat16)
        compiled.compile()
        lone = [[(tokens[0] * LONE_TOKENS)[:LONE_TOKENS]]]
        for case, batches in (("one prompt", lone), ("full batches", full)):
            yield from cuda_candidates(network, compiled, case, batches)


def cuda_candidates(
    network: Network, compiled: Network, case: str, batches: Sequence[Batch]
) -> Iterator[tuple[str, str, Callable[[], tuple[Rate, Rate]]]]:
    """Yield the options that only CUDA has."""
    plain = encoding(network.encode, batches)
    yield "pinned memory", case, lambda: (plain, encoding(network.encode_pinned, batches))
    yield "torch.compile", case, lambda: (plain, encoding(compiled.encode, batches))
    # A graph replays one shape only.
    same = batches[:1]
    yield (
        "CUDA graph",
        f"{case}, one shape",
        lambda: (encoding(network.encode, same), encoding(network.recorded(same[0]), same)),
    )


def encoding(encode: Encode, batches: Sequence[Batch]) -> Rate:
    """Return the rate of encoding batches one after another."""
    return lambda seconds: pace(encode, batches, seconds)[0]


def side_by_side(encode: Encode, batches: Sequence[Batch]) -> Rate:
    """Return the rate of several threads that share the batches."""

    def rate(seconds: float) -> float:
        shares = [batches[number::THREADS] or batches for number in range(THREADS)]
        with ThreadPoolExecutor(THREADS) as pool:
            return sum(pool.map(lambda share: pace(encode, share, seconds)[0], shares))

    return rate


def measured(
    name: str, case: str, choices: Callable[[], tuple[Rate, Rate]], seconds: float
) -> Option:
    """Measure an option against its absence, in turns after an unmeasured one."""
    try:
        without, with_it = choices()
        for rate in (without, with_it):
            rate(seconds)
        pairs = [(without(seconds / ROUNDS), with_it(seconds / ROUNDS)) for _ in range(ROUNDS)]
    except Exception as error:  # noqa: BLE001 - whether it works at all is a part of the question
        return Option(name, case, None, None, type(error).__name__)
    first, second = np.median(pairs, axis=0)
    return Option(name, case, float(first), float(second))
