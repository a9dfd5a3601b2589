from functools import cache
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semrouter_extproc.encoding.tokens import TextTokenizer, load_tokenizer, rectangle
from semrouter_extproc.encoding.weights import DEFAULT_MODEL, folder_of
from semrouter_extproc.errors import EncoderUnavailable

FIRST, LAST, UNKNOWN = 101, 102, 100


@cache
def tokenizer(window: int = 256, prefix: str = "") -> TextTokenizer:
    path = folder_of(DEFAULT_MODEL) / "tokenizer.json"
    return TextTokenizer(load_tokenizer(path), window=window, prefix=prefix)


def test_a_text_becomes_numbers_between_a_first_and_a_last_token() -> None:
    assert tokenizer()(["why is the sea salty"]) == [[101, 2339, 2003, 1996, 2712, 23592, 102]]


def test_no_texts_give_nothing() -> None:
    assert tokenizer()([]) == []


def test_a_long_text_is_cut_to_the_window_and_still_ends() -> None:
    (whole,), (cut,) = tokenizer()(["sea " * 20]), tokenizer(window=8)(["sea " * 20])

    assert cut == [*whole[:7], LAST]


def test_texts_are_not_padded_to_each_other() -> None:
    assert [len(ids) for ids in tokenizer()(["sea", "sea sea sea"])] == [3, 5]


def test_the_prefix_stands_before_every_text() -> None:
    assert tokenizer(prefix="query: ")(["a", "b"]) == tokenizer()(["query: a", "query: b"])


@pytest.mark.parametrize("text", ["", "\0", "\ufeff", "\n\n\n"])
def test_a_text_of_nothing_is_still_two_tokens(text: str) -> None:
    assert tokenizer()([text]) == [[FIRST, LAST]]


@pytest.mark.parametrize("text", ["\ud800", "sea \udfff salt", "\ud83d\ude00"])
def test_lone_surrogates_are_read_as_question_marks(text: str) -> None:
    asked = "".join("?" if "\ud800" <= character <= "\udfff" else character for character in text)

    assert tokenizer()([text]) == tokenizer()([asked])


def test_characters_beyond_the_basic_plane_are_read() -> None:
    assert tokenizer()(["😀"]) == [[FIRST, UNKNOWN, LAST]]


@given(st.text(st.characters(exclude_categories=()), max_size=400))
def test_any_text_is_tokenized_within_the_window(text: str) -> None:
    (ids,) = tokenizer(window=64)([text])

    assert ids[0] == FIRST
    assert ids[-1] == LAST
    assert len(ids) <= 64


@pytest.mark.parametrize("piece", ["why is the sea salty ", "x", " ", "日", "x\n", "\ud800"])
def test_a_megabyte_costs_no_more_than_the_window_needs(piece: str) -> None:
    text = (piece * 1_000_000)[:1_000_000]
    started = perf_counter()

    tokenizer()([text])

    assert perf_counter() - started < 0.3


def test_a_rectangle_is_padded_on_the_right_and_knows_the_lengths() -> None:
    ids, lengths = rectangle([[7], [8, 9, 10], []])

    assert ids.dtype == np.int64
    assert ids.tolist() == [[7, 0, 0], [8, 9, 10], [0, 0, 0]]
    assert lengths.dtype == np.int32
    assert lengths.tolist() == [1, 3, 0]


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff"])
def test_a_tokenizer_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(EncoderUnavailable, match=r"tokenizer\.json cannot be read: ."):
        load_tokenizer(path)
