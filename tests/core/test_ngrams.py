from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semrouter_extproc.core import ngrams
from semrouter_extproc.core.ngrams import BUCKETS, NgramModel, buckets_of
from semrouter_extproc.errors import ArtefactError
from support.kernels import random_ngrams, slow_ngram_outputs

WORDS = b"abcdefghijklmnopqrstuvwxyz0123456789"
RANDOM = random_ngrams(3)


def slow_buckets(text: str) -> list[int]:
    """Hash each n-gram by itself."""
    raw = text[:4096].lower().encode("utf-8", "replace")[:4096]
    codes = [1 + (32 if byte < 32 else 48 if byte in b"0123456789" else byte) for byte in raw]

    def polynomial(numbers: list[int]) -> int:
        total = 0
        for number in numbers:
            total = (total * ngrams._PRIME + number) % 2**32
        return total

    words, word = [], []
    for byte, code in [*zip(raw, codes, strict=True), (ord(" "), 0)]:
        if byte in WORDS or byte >= 128:
            word.append(code)
        elif word:
            words.append(polynomial(word[::-1]))
            word = []
    hashes = [
        *(polynomial(codes[start : start + 3]) for start in range(len(codes) - 2)),
        *(polynomial(codes[at : at + 5]) ^ int(ngrams._FIVES) for at in range(len(codes) - 4)),
        *(word ^ int(ngrams._WORDS) for word in words),
        *((first * ngrams._PRIME + second) % 2**32 for first, second in pairwise(words)),
    ]
    mixed = [(value ^ value >> 15) * int(ngrams._MIXER) % 2**32 for value in hashes]
    return sorted({value >> 17 for value in mixed})


@given(st.text())
def test_buckets_are_those_of_each_n_gram_hashed_by_itself(text: str) -> None:
    assert buckets_of(text).tolist() == slow_buckets(text)


def test_a_text_past_what_is_read_has_the_buckets_of_its_beginning() -> None:
    words = "".join(f"{number:x} sue " for number in range(2000))
    assert buckets_of(words).tolist() == slow_buckets(words)
    assert np.array_equal(buckets_of(words + "prove it" * 200_000), buckets_of(words))


def test_a_lone_surrogate_is_read() -> None:
    assert buckets_of("sue \ud800 them").size


@pytest.mark.parametrize("same", ["PROVE 1 + 2", "prove\t3\n+ 4", "Prove 7 + 8"])
def test_case_digits_and_kinds_of_white_space_make_no_difference(same: str) -> None:
    assert np.array_equal(buckets_of(same), buckets_of("prove 1 + 2"))


def test_the_order_of_words_makes_a_difference() -> None:
    assert not np.array_equal(buckets_of("dog bites man"), buckets_of("man bites dog"))


@given(st.text(min_size=1))
def test_outputs_are_a_sum_over_the_n_grams_of_a_text_of_length_1(text: str) -> None:
    buckets = buckets_of(text)
    found = RANDOM.outputs(buckets)
    assert found.tolist() == pytest.approx(slow_ngram_outputs(RANDOM, buckets), abs=1e-4)


def test_outputs_are_computed_on_in_double_precision() -> None:
    assert RANDOM.outputs(buckets_of("prove it")).dtype == np.float64


@pytest.mark.parametrize("text", ["", "?", "  "])
def test_a_text_without_n_grams_says_nothing(text: str) -> None:
    assert RANDOM.outputs(buckets_of(text)).tolist() == [0, 0, 0]


def test_n_grams_that_do_not_count_say_nothing() -> None:
    mute = NgramModel(np.zeros(BUCKETS, np.float32), RANDOM.weights)
    assert mute.outputs(buckets_of("prove it")).tolist() == [0, 0, 0]


def test_saying_it_twice_says_no_more() -> None:
    once = RANDOM.outputs(buckets_of("prove it prove it prove it"))
    often = RANDOM.outputs(buckets_of(" ".join(["prove it"] * 50)))
    assert np.array_equal(once, often)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rarity": np.ones(3, np.float32)}, r"rarity are float32 \[3\]"),
        ({"rarity": np.full(BUCKETS, np.nan, np.float32)}, "rarity are not all finite"),
        ({"weights": np.zeros((BUCKETS, 2))}, "n-gram weights are float64"),
        ({"weights": np.zeros((3, 2), np.float32)}, r"n-gram weights are float32 \[3, 2\]"),
        ({"weights": np.zeros(BUCKETS, np.float32)}, r"must be float32 \[32768, any\]"),
        ({"weights": np.full((BUCKETS, 2), np.inf, np.float32)}, "n-gram weights are not all fin"),
    ],
)
def test_what_does_not_fit_together_is_refused(changed: dict[str, object], message: str) -> None:
    members = {"rarity": RANDOM.rarity, "weights": RANDOM.weights}
    with pytest.raises(ArtefactError, match=message):
        NgramModel(**(members | changed))  # type: ignore[arg-type]
