from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import repeat

from semrouter_extproc.observe.histogram import Histogram, Timing


def test_a_value_counts_up_to_the_first_bound_that_it_stays_within() -> None:
    histogram = Histogram((1.0, 2.5))

    for value in (0.5, 1.0, 2.0, 9.0):
        histogram.observe(value)

    assert histogram.read().buckets == [("1.0", 2), ("2.5", 3), ("+Inf", 4)]
    assert histogram.read().sum == 12.5


def test_no_value_of_any_thread_is_lost() -> None:
    histogram = Histogram((1.0,))

    with ThreadPoolExecutor(8) as threads:
        for _ in range(8):
            threads.submit(lambda: deque(map(histogram.observe, repeat(1.0, 5_000))))

    assert histogram.read().sum == 40_000


def test_a_block_that_fails_is_timed_too() -> None:
    histogram = Histogram((60.0,))

    with suppress(IndexError), Timing(histogram):
        [].pop()

    assert histogram.read().buckets == [("60.0", 1), ("+Inf", 1)]
