"""How large a batch pays, measured on the machine at hand."""

from time import perf_counter
from typing import Final

from semrouter_extproc.encoding.encoder import Encoder, Tokens

# Short prompts gain most from company: it is for them that the best batch is looked for.
_TEXT: Final = "why is the water of the sea salty when rivers are not"
_WORTH: Final = 0.95
_LARGEST: Final = 4096
_RUNS: Final = 5


def cheapest_batch(encoder: Encoder[Tokens]) -> int:
    """Return the cost of the smallest batch that a doubled one does not beat by 5 % per text.

    Takes a fraction of a second, and warms the encoder up.
    """
    (tokens,) = encoder.tokenize([_TEXT])
    count, seconds = 1, _seconds_per_text(encoder, tokens, 1)
    while count < _LARGEST:
        doubled = _seconds_per_text(encoder, tokens, 2 * count)
        if doubled > _WORTH * seconds:
            break
        count, seconds = 2 * count, doubled
    return len(tokens) * count


def _seconds_per_text(encoder: Encoder[Tokens], tokens: Tokens, count: int) -> float:
    batch = [tokens] * count
    encoder.encode(batch)
    return min(_seconds(encoder, batch) for _ in range(_RUNS)) / count


def _seconds(encoder: Encoder[Tokens], batch: list[Tokens]) -> float:
    started = perf_counter()
    encoder.encode(batch)
    return perf_counter() - started
