from collections.abc import Sequence
from time import perf_counter, sleep, thread_time

import numpy as np
import pytest
from numpy.typing import NDArray

from semrouter_extproc.encoding.calibration import cheapest_batch

TOKENS = 10


class SleepingEncoder:
    """Takes some time for a batch, and some for each text in it; every text has 10 tokens."""

    fingerprint = "sleeping"
    dimensions = 1
    workers = 1
    batch_cost = 1

    def __init__(self, *, per_batch: float, per_text: float) -> None:
        self._per_batch = per_batch
        self._per_text = per_text

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        return [[1] * TOKENS for _ in texts]

    def encode(self, batch: Sequence[list[int]]) -> NDArray[np.float32]:
        sleep(self._per_batch + self._per_text * len(batch))
        return np.ones((len(batch), 1), np.float32)


def batch_of(encoder: SleepingEncoder) -> int:
    return cheapest_batch(encoder, perf_counter)


def test_where_company_gains_nothing_one_text_is_the_best_batch() -> None:
    assert batch_of(SleepingEncoder(per_batch=0, per_text=0.01)) == TOKENS


@pytest.mark.parametrize(("per_batch", "fewest", "most"), [(0.0005, 8, 32), (0.002, 32, 128)])
def test_a_batch_grows_until_its_own_cost_is_spread_thin(
    per_batch: float, fewest: int, most: int
) -> None:
    texts = batch_of(SleepingEncoder(per_batch=per_batch, per_text=0.0005)) // TOKENS

    assert fewest <= texts <= most


def test_a_batch_has_an_end_even_where_every_text_more_is_free() -> None:
    assert batch_of(SleepingEncoder(per_batch=0.001, per_text=0)) <= 4096 * TOKENS


def test_what_else_keeps_the_machine_busy_is_not_counted() -> None:
    class Interrupted(SleepingEncoder):
        """Computes the same for every batch, but is kept from it for long in every large one."""

        def encode(self, batch: Sequence[list[int]]) -> NDArray[np.float32]:
            busy = thread_time()
            while thread_time() < busy + 0.001:
                pass
            if 2 <= len(batch) < 64:
                sleep(0.001 * len(batch))
            return np.ones((len(batch), 1), np.float32)

    encoder = Interrupted(per_batch=0, per_text=0)

    assert (
        cheapest_batch(encoder, perf_counter) < 64 * TOKENS <= cheapest_batch(encoder, thread_time)
    )
