import numpy as np
import pytest

from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.evaluation.leakage import (
    record_of,
    refuse_if_all_seen,
    seen_before,
)

LEARNED = ("Why is the sky blue?", "Sue them.", "Sue them.")


def test_a_text_is_known_by_what_it_says() -> None:
    judged = ["  why is THE\nsky blue? ", "Why is the sea blue?", "Sue\u00a0them."]

    assert seen_before(record_of(LEARNED), judged).tolist() == [True, False, True]


def test_a_record_is_small_and_sorted() -> None:
    record = record_of(LEARNED)

    assert record.dtype == np.dtype(np.uint64)
    assert len(record) == 2
    assert record.tolist() == sorted(record.tolist())


def test_a_record_is_the_same_on_every_machine() -> None:
    # The first 8 bytes of the SHA-256 of "sue them.", the most significant first.
    assert record_of(["Sue them."]).tolist() == [0x640A8C8652A016CC]


def test_nothing_was_seen_by_who_learned_nothing() -> None:
    assert not seen_before(record_of([]), LEARNED).any()
    assert seen_before(record_of(LEARNED), []).tolist() == []


def test_rows_that_were_all_learned_from_are_refused_by_name() -> None:
    with pytest.raises(
        ConfigError, match=r"--examples: .* all of these 4 rows \(a, b, c, \.\.\.\)"
    ):
        refuse_if_all_seen("--examples", ["a", "b", "c", "d"], np.ones(4, bool))


def test_some_rows_that_were_not_learned_from_are_enough() -> None:
    refuse_if_all_seen("--examples", ["a", "b"], np.array([True, False]))
