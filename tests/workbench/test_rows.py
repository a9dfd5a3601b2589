from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.ngrams import BUCKETS
from semrouter_extproc.workbench.features import Features, counted_ngrams
from semrouter_extproc.workbench.perturbations import TAUGHT
from semrouter_extproc.workbench.progress import Silent
from semrouter_extproc.workbench.rows import MOST_TAUGHT, Lessons, Rows, lessons_of
from support.encoders import HashEncoder
from support.learnable import random_features, random_prompts

LABELS = ("art", "law", "math")
TRUTH = np.array([2, 0, 2, 1])


def rows(truth: NDArray[np.intp] = TRUTH) -> Rows:
    return Rows(random_features(np.random.default_rng(0), len(truth)), truth, LABELS)


def lessons() -> Lessons:
    """Return four rows and three copies: of the last, the first and the last again."""
    copies = random_features(np.random.default_rng(1), 3)
    return Lessons(rows(), copies, np.array([3, 0, 3]))


def bare(count: int) -> Rows:
    """Return many rows that take little memory."""
    nothing = Features(np.zeros((count, HashEncoder.dimensions), np.float32), counted_ngrams([""]))
    empty = nothing.ngrams[np.zeros(count, np.intp)]
    return Rows(Features(nothing.vectors, empty), np.arange(count) % 3, LABELS)


def disturbed(texts: Sequence[str], known: Rows) -> Lessons:
    return lessons_of(known, texts, HashEncoder(), Silent())


def test_targets_are_1_for_the_own_category_and_0_for_the_others() -> None:
    assert rows().targets.tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 0]]


def test_chosen_rows_keep_their_truth_and_their_features() -> None:
    chosen = rows().where(np.array([3, 0]))
    assert chosen.truth.tolist() == [1, 2]
    assert np.array_equal(chosen.features.vectors, rows().features.vectors[[3, 0]])


def test_rows_come_before_their_copies() -> None:
    given = lessons()
    vectors = np.concatenate([given.rows.features.vectors, given.copies.vectors])
    assert np.array_equal(given.features.vectors, vectors)


def test_copies_are_given_what_their_rows_have() -> None:
    assert lessons().spread(TRUTH).tolist() == [2, 0, 2, 1, 1, 2, 1]


def test_chosen_rows_take_their_copies_along() -> None:
    given = lessons()
    chosen = given.where(np.array([False, True, False, True]))
    assert chosen.rows.truth.tolist() == [0, 1]
    assert np.array_equal(chosen.copies.vectors, given.copies.vectors[[0, 2]])
    assert chosen.spread(chosen.rows.truth).tolist() == [0, 1, 1, 1]


def test_every_row_has_a_copy_that_is_disturbed() -> None:
    texts = random_prompts(np.random.default_rng(0), 4)
    given = disturbed(texts, rows())
    assert given.origins.tolist() == [0, 1, 2, 3]
    vectors = HashEncoder().encode(texts)
    assert not np.isclose(given.copies.vectors, vectors).all(axis=1).all()


def test_ways_of_disturbing_take_turns() -> None:
    texts = random_prompts(np.random.default_rng(0), 30)
    given = disturbed(texts, rows(np.arange(30) % 3))
    expected = [TAUGHT[row % len(TAUGHT)].disturb(text) for row, text in enumerate(texts)]
    assert np.array_equal(given.copies.vectors, HashEncoder().encode(expected))
    assert np.array_equal(given.copies.ngrams.toarray(), counted_ngrams(expected).toarray())


def test_copies_fill_the_room_that_rows_leave() -> None:
    known = bare(MOST_TAUGHT - 300)
    given = disturbed(["prove it"] * len(known), known)
    assert given.features.ngrams.shape == (MOST_TAUGHT, BUCKETS)
    assert (
        np.bincount(given.spread(known.truth)[len(known) :].astype(np.intp)).tolist() == [100] * 3
    )


def test_rows_that_leave_no_room_have_no_copies() -> None:
    known = bare(MOST_TAUGHT + 3)
    given = disturbed(["prove it"] * len(known), known)
    assert len(given.features) == len(known)
    assert len(given.where(np.ones(len(known), bool)).copies) == 0
