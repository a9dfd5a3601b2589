"""The encoder alone, as fast as it goes: what a service around it is held against."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Final

from semrouter_extproc.core.conversation import USER, Turn
from semrouter_extproc.core.prompt import Reading, text_to_classify
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.encoding.offline import encode_texts

_CHUNK: Final = 256


@dataclass(frozen=True, slots=True)
class Pace:
    """CPU seconds and seconds on the clock for so many texts."""

    texts: int
    cpu: float
    wall: float

    @property
    def cpu_us(self) -> float:
        """CPU microseconds of one text."""
        return self.cpu / self.texts * 1e6

    @property
    def rate(self) -> float:
        """Texts a second."""
        return self.texts / self.wall


def tight_loop(encoder: AnyEncoder, texts: Sequence[str], seconds: float) -> Pace:
    """Encode what the router would read of `texts`, in the best of batches, over and over."""
    read = [text_to_classify([Turn(USER, text)], Reading()) for text in texts]
    began, spent, done = perf_counter(), process_time(), 0
    while perf_counter() < began + seconds:
        start = done % len(read)
        chunk = read[start : start + _CHUNK]
        encode_texts(encoder, chunk)
        done += len(chunk)
    return Pace(done, process_time() - spent, perf_counter() - began)
