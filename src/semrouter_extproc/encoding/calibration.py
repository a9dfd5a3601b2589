"""How large a batch pays, measured on the machine at hand."""

from collections.abc import Callable
from math import inf
from typing import Final

from semrouter_extproc.encoding.encoder import Encoder, Tokens

# Short prompts gain most from company: it is for them that the best batch is looked for.
_TEXT: Final = "why is the water of the sea salty when rivers are not"
_WORTH: Final = 0.95
_LARGEST: Final = 4096
_RUNS: Final = 5


def cheapest_batch(encoder: Encoder[Tokens], clock: Callable[[], float]) -> int:
    """Return the cost of the smallest batch that a doubled one does not beat by 5 % per text.

    `clock` tells seconds: `time.thread_time` where the encoder computes in the thread that asks,
    since that does not count what else keeps the machine busy (measured: with three busy
    processes on two cores, a wall clock finds batches of a quarter of the size, CPU time the
    same), and `time.perf_counter` elsewhere.

    Takes about a second, and warms the encoder up.
    """
    (tokens,) = encoder.tokenize([_TEXT])
    count = 1
    while count < _LARGEST and _doubling_pays(encoder, tokens, count, clock):
        count *= 2
    return len(tokens) * count


def _doubling_pays(
    encoder: Encoder[Tokens], tokens: Tokens, count: int, clock: Callable[[], float]
) -> bool:
    encoder.encode([tokens] * (2 * count))
    sizes = count, 2 * count
    least = dict.fromkeys(sizes, inf)
    for _ in range(_RUNS):
        # In turns, so that a slow moment meets both.
        for size in sizes:
            started = clock()
            encoder.encode([tokens] * size)
            least[size] = min(least[size], (clock() - started) / size)
    return least[2 * count] < _WORTH * least[count]
