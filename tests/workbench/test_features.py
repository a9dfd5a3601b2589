from collections import Counter
from math import log, sqrt

import numpy as np
import pytest

from semrouter_extproc.core.ngrams import BUCKETS, NgramModel, buckets_of
from semrouter_extproc.workbench.features import (
    counted_ngrams,
    features_of,
    rarity_of,
    weighed,
)
from semrouter_extproc.workbench.progress import Silent
from support.encoders import HashEncoder
from support.kernels import random_ngrams
from support.learnable import random_features, random_prompts

TEXTS = ["prove the theorem", "sue them", "?", "prove it", "Prove it! Prove it!"]


class Details(Silent):
    """Remembers how far work has come."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def detail(self, text: str) -> None:
        self.seen.append(text)


def test_each_row_has_a_1_for_every_n_gram_of_its_text() -> None:
    counted = counted_ngrams(TEXTS)
    assert counted.shape == (len(TEXTS), BUCKETS)
    for row, text in zip(counted.toarray(), TEXTS, strict=True):
        assert np.flatnonzero(row).tolist() == buckets_of(text).tolist()
        assert set(row) <= {0.0, 1.0}


def test_rarity_falls_with_the_number_of_texts_that_have_an_n_gram() -> None:
    seen = Counter(bucket for text in TEXTS for bucket in buckets_of(text).tolist())
    expected = [log((1 + len(TEXTS)) / (1 + seen[bucket])) + 1 for bucket in range(BUCKETS)]
    rarity = rarity_of(counted_ngrams(TEXTS))
    assert rarity.dtype == np.float32
    assert np.allclose(rarity, expected, atol=1e-6)


def test_weighed_rows_are_rarities_brought_to_length_1() -> None:
    counted = counted_ngrams(TEXTS)
    rarity = rarity_of(counted)
    found = weighed(counted, rarity).toarray()
    for row, text in zip(found, TEXTS, strict=True):
        counts = [float(rarity[bucket]) for bucket in buckets_of(text)]
        length = sqrt(sum(value * value for value in counts))
        assert row[buckets_of(text)].tolist() == pytest.approx([each / length for each in counts])


def test_a_text_without_n_grams_stays_empty() -> None:
    counted = counted_ngrams(TEXTS)
    assert (
        weighed(counted, rarity_of(counted)).toarray()[TEXTS.index("?")].tolist() == [0] * BUCKETS
    )


def test_many_texts_are_weighed_as_the_router_weighs_one() -> None:
    texts = random_prompts(np.random.default_rng(1), 40)
    counted = counted_ngrams(texts)
    learned = NgramModel(rarity_of(counted), random_ngrams(3).weights)
    together = weighed(counted, learned.rarity) @ learned.weights
    one_by_one = [learned.outputs(buckets_of(text)) for text in texts]
    assert np.allclose(together, one_by_one, atol=1e-5)


def test_chosen_rows_keep_their_vectors_and_their_n_grams() -> None:
    features = random_features(np.random.default_rng(2), 6)
    picked = np.array([4, 1])
    chosen = features.where(picked)
    assert len(chosen) == 2
    assert np.array_equal(chosen.vectors, features.vectors[picked])
    assert np.array_equal(chosen.ngrams.toarray(), features.ngrams.toarray()[picked])


def test_prompts_can_follow_others() -> None:
    features = random_features(np.random.default_rng(2), 6)
    again = features.where(np.arange(2)).followed_by(features.where(np.arange(2, 6)))
    assert np.array_equal(again.vectors, features.vectors)
    assert np.array_equal(again.ngrams.toarray(), features.ngrams.toarray())


def test_of_no_texts_there_are_no_features() -> None:
    features = features_of([], HashEncoder(), Silent())
    assert features.vectors.shape == (0, HashEncoder.dimensions)
    assert features.ngrams.shape == (0, BUCKETS)


def test_rows_may_be_chosen_by_a_mask() -> None:
    features = random_features(np.random.default_rng(2), 6)
    flags = np.array([False, True, False, False, True, False])
    chosen, listed = features.where(flags), features.where(np.array([1, 4]))
    assert np.array_equal(chosen.vectors, listed.vectors)
    assert np.array_equal(chosen.ngrams.toarray(), listed.ngrams.toarray())


def test_vectors_and_n_grams_are_in_the_order_of_the_texts() -> None:
    texts = ["a long text about theorems", "short", "of middling length"]
    features = features_of(texts, HashEncoder(), Silent())
    assert np.allclose(features.vectors, HashEncoder().encode(texts))
    assert np.array_equal(features.ngrams.toarray(), counted_ngrams(texts).toarray())


def test_progress_counts_the_texts_that_are_encoded() -> None:
    progress = Details()
    features_of(["a text of many characters"] * 1200, HashEncoder(), progress)
    assert progress.seen[-1] == "1,200 of 1,200"
    assert len(progress.seen) > 1
