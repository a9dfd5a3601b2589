"""What lint sees without a model: names, numbers, texts."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from semrouter_extproc.workbench.examples import Example
from semrouter_extproc.workbench.lint import Kind, Severity
from semrouter_extproc.workbench.lint.categories import imbalance, names_alike, too_few
from semrouter_extproc.workbench.lint.texts import (
    cut_by,
    normalised,
    repeated_ids,
    same_text,
    short,
    too_long,
)


def rows(**counts: int) -> list[Example]:
    return [
        Example(f"{name}/{number}", f"{name} {number}", name)
        for name, count in counts.items()
        for number in range(count)
    ]


class Words:
    """Reads so many words of a text."""

    fingerprint = "words@sha256:0000000000000000"
    dimensions = 2
    workers = 1
    batch_cost = 100

    def __init__(self, window: int) -> None:
        self._window = window

    def tokenize(self, texts: Sequence[str]) -> Sequence[list[str]]:
        return [text.split()[: self._window] for text in texts]

    def encode(self, batch: Sequence[list[str]]) -> NDArray[np.float32]:
        return np.ones((len(batch), 2), np.float32)


@pytest.mark.parametrize(
    ("count", "severity"), [(1, Severity.ERROR), (4, Severity.ERROR), (9, Severity.WARNING)]
)
def test_a_category_with_few_rows_is_found(count: int, severity: Severity) -> None:
    (finding,) = too_few(rows(art=10, botany=count))

    assert (finding.categories, finding.severity) == (("botany",), severity)


def test_ten_rows_are_enough() -> None:
    assert list(too_few(rows(art=10))) == []


@pytest.mark.parametrize("other", ["computer_science", "Computer Science", "computer  science "])
def test_names_that_differ_in_case_and_spaces_are_found(other: str) -> None:
    examples = [Example(str(at), "text", "computer science") for at in range(3)]

    (finding,) = names_alike([*examples, Example("3", "text", other)])

    assert finding.suggestion == "computer science"
    assert finding.categories == tuple(sorted(("computer science", other)))


@pytest.mark.parametrize(("one", "other"), [("art", "arts"), ("+", "-"), ("c", "d")])
def test_other_names_are_not_alike(one: str, other: str) -> None:
    assert list(names_alike([Example("1", "text", one), Example("2", "text", other)])) == []


def test_categories_beside_a_much_larger_one_are_found() -> None:
    (finding,) = imbalance(rows(art=121, botany=12, chess=13, dance=10))

    assert finding.categories == ("dance", "botany")


def test_balanced_categories_are_left_alone() -> None:
    assert list(imbalance(rows(art=100, botany=10))) == []


def test_an_id_of_two_rows_is_found() -> None:
    (finding,) = repeated_ids([*rows(art=2), Example("art/0", "another text", "art")])

    assert [row.id for row in finding.rows] == ["art/0", "art/0"]


def test_the_same_text_under_two_categories_is_an_error() -> None:
    (finding,) = same_text([Example("1", "Why? ", "botany"), Example("2", "why", "art")])

    assert (finding.kind, finding.severity) == (Kind.CONTRADICTION, Severity.ERROR)
    assert finding.categories == ("art", "botany")


def test_the_same_text_twice_is_advice() -> None:
    (finding,) = same_text([Example("1", "Why?", "art"), Example("2", "Why?", "art")])

    assert (finding.kind, finding.severity) == (Kind.REPEATED_TEXT, Severity.ADVICE)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Why  not?", "why not"), ("ﬁne", "FINE."), ("a\u00a0b", "a b"), ("Straße", "STRASSE")],
)
def test_case_spaces_and_last_signs_tell_no_texts_apart(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(("one", "other"), [("1 - 2", "1 + 2"), ("?", "!"), ("f(x)", "f x")])
def test_signs_inside_tell_texts_apart(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


def test_texts_without_words_are_short() -> None:
    texts = ["?", "k", "no", "漢字", "1 + 1"]

    (finding,) = short([Example(text, text, "art") for text in texts])

    assert [row.id for row in finding.rows] == ["?", "k"]


def test_texts_beyond_the_window_are_cut() -> None:
    assert cut_by(Words(3), ["a b", "a b c d", "a b c d e", "a"]).tolist() == [0, 1, 1, 0]


def test_texts_inside_the_window_are_whole() -> None:
    assert cut_by(Words(9), ["a b", "a b c d"]).tolist() == [False, False]


def test_cut_texts_are_one_finding() -> None:
    (finding,) = too_long(rows(art=3), np.array([True, False, True]))

    assert [row.id for row in finding.rows] == ["art/0", "art/2"]
