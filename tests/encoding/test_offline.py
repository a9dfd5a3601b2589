import threading
from collections.abc import Sequence
from time import sleep

import numpy as np
import pytest
from numpy.typing import NDArray

from semrouter_extproc.encoding.offline import encode_texts
from semrouter_extproc.errors import EncodingFailed


class LengthEncoder:
    """Encodes a text as its length, so that a test sees whose vector it got."""

    fingerprint = "length"
    dimensions = 1
    batch_cost = 20

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers
        self.batches: list[list[str]] = []

    def tokenize(self, texts: Sequence[str]) -> Sequence[str]:
        return texts

    def encode(self, batch: Sequence[str]) -> NDArray[np.float32]:
        self.batches.append(list(batch))
        return np.array([[len(text)] for text in batch], np.float32)


class Meeting(LengthEncoder):
    """Answers nobody before as many batches are under way as there are workers."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self._together = threading.Barrier(workers, timeout=10)

    def encode(self, batch: Sequence[str]) -> NDArray[np.float32]:
        self._together.wait()
        return super().encode(batch)


class FailingEncoder(LengthEncoder):
    """Fails at the first batch and takes its time for the others."""

    def encode(self, batch: Sequence[str]) -> NDArray[np.float32]:
        vectors = super().encode(batch)
        if len(self.batches) == 1:
            raise EncodingFailed("no direction")
        sleep(0.02)
        return vectors


TEXTS = ["x" * (7 * number % 13 + 1) for number in range(100)]


@pytest.mark.parametrize("workers", [1, 3])
def test_every_text_gets_its_own_vector(workers: int) -> None:
    vectors = encode_texts(LengthEncoder(workers), TEXTS)

    assert vectors.dtype == np.float32
    assert [int(row[0]) for row in vectors] == [len(text) for text in TEXTS]


def test_no_texts_give_no_rows() -> None:
    assert encode_texts(LengthEncoder(), []).shape == (0, 1)


def test_batches_stay_within_what_the_encoder_wants() -> None:
    encoder = LengthEncoder()

    encode_texts(encoder, TEXTS)

    assert max(len(batch) * max(map(len, batch)) for batch in encoder.batches) <= 20


def test_as_many_batches_are_encoded_at_once_as_the_encoder_has_workers() -> None:
    assert len(encode_texts(Meeting(workers=4), ["x" * 20] * 8)) == 8


def test_progress_counts_every_text_once() -> None:
    done: list[int] = []

    encode_texts(LengthEncoder(), TEXTS, on_batch=done.append)

    assert sum(done) == len(TEXTS)
    assert len(done) > 1


def test_after_a_failure_the_batches_that_wait_are_not_encoded() -> None:
    encoder = FailingEncoder()

    with pytest.raises(EncodingFailed, match="no direction"):
        encode_texts(encoder, ["x" * 20] * 100)

    assert len(encoder.batches) < 10
