from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semrouter_extproc.core import static
from semrouter_extproc.core.static import BUCKETS, StaticModel, buckets_of, classify_static
from semrouter_extproc.errors import ArtefactError

WORDS = b"abcdefghijklmnopqrstuvwxyz0123456789"


def model(said: dict[str, int], **changed: object) -> StaticModel:
    """Let every n-gram of each text speak for a category: 0 is law, 1 is math."""
    weights = np.zeros((BUCKETS, 2), np.float32)
    for text, category in said.items():
        weights[buckets_of(text), category] = 1
    members = {
        "labels": ("law", "math"),
        "weights": weights,
        "rarity": np.ones(BUCKETS, np.float32),
        "temperature": 1.0,
        "bar": 0.9,
    }
    return StaticModel(**(members | changed))  # type: ignore[arg-type]


def slow_buckets(text: str) -> list[int]:
    """Hash each n-gram by itself."""
    raw = text[:4096].lower().encode("utf-8", "replace")[:4096]
    codes = [1 + (32 if byte < 32 else 48 if byte in b"0123456789" else byte) for byte in raw]

    def polynomial(numbers: list[int]) -> int:
        total = 0
        for number in numbers:
            total = (total * static._PRIME + number) % 2**32
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
        *(polynomial(codes[at : at + 5]) ^ int(static._FIVES) for at in range(len(codes) - 4)),
        *(word ^ int(static._WORDS) for word in words),
        *((first * static._PRIME + second) % 2**32 for first, second in pairwise(words)),
    ]
    mixed = [(value ^ value >> 15) * int(static._MIXER) % 2**32 for value in hashes]
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


def test_n_grams_speak_for_their_category() -> None:
    found = classify_static("please prove it now", model({"prove it": 1, "sue them": 0}))
    assert (found.category, found.index, found.nearest) == ("math", 1, None)
    assert found.confidence == found.probabilities.max() > 0.8


def test_unknown_n_grams_around_known_ones_take_confidence_away() -> None:
    judge = model({"prove it": 1})
    alone = classify_static("prove it", judge).confidence
    among = classify_static("prove it, or bake a cake with plenty of butter", judge).confidence
    assert 0.5 < among < alone


def test_saying_it_again_adds_no_confidence() -> None:
    judge = model({"prove it": 1, "sue them": 0})
    once = classify_static("prove it prove it prove it", judge)
    often = classify_static(" ".join(["prove it"] * 50), judge)
    assert often.confidence == once.confidence


@pytest.mark.parametrize("text", ["", "?", "  "])
def test_a_text_without_n_grams_could_be_anything(text: str) -> None:
    assert classify_static(text, model({"prove it": 1})).probabilities.tolist() == [0.5, 0.5]


def test_a_lower_temperature_is_surer() -> None:
    said = {"prove it": 1}
    cold = classify_static("prove it", model(said, temperature=0.5))
    warm = classify_static("prove it", model(said, temperature=2.0))
    assert cold.confidence > warm.confidence


def test_rarity_says_which_n_grams_count() -> None:
    said = {"prove it": 1, "sue them": 0}
    rarity = np.ones(BUCKETS, np.float32)
    rarity[buckets_of("sue them")] = 5
    text = "prove it and sue them"
    assert classify_static(text, model(said, rarity=rarity)).category == "law"
    rarity[buckets_of("prove it")] = 25
    assert classify_static(text, model(said, rarity=rarity)).category == "math"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": ("law", "math", "art")}, r"weights are .*must be float32 \[32768, 3\]"),
        ({"weights": np.zeros((BUCKETS, 2))}, r"weights are float64"),
        ({"rarity": np.ones(3, np.float32)}, r"rarity are float32 \[3\]"),
        ({"rarity": np.full(BUCKETS, np.nan, np.float32)}, "rarity are not all finite"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"bar": 0.0}, "bar is 0.0, it must be above 0"),
        ({"bar": float("nan")}, "bar is nan"),
    ],
)
def test_what_does_not_fit_together_is_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(ArtefactError, match=message):
        model({"prove it": 1}, **changed)
