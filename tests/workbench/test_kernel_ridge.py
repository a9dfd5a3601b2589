from dataclasses import replace

import numpy as np
import pytest

from semrouter_extproc.core.kernel import KernelModel
from semrouter_extproc.core.ngrams import buckets_of
from semrouter_extproc.workbench.features import Features, Indices, counted_ngrams
from semrouter_extproc.workbench.kernel_ridge import (
    Outputs,
    Settings,
    learn,
    likeness_between,
    predicted,
)
from support.kernels import random_units
from support.learnable import random_prompts, told_by_vectors, told_by_words
from support.ridge import USUAL, lesson, textbook, textbook_kernel


def everything(features: Features) -> Indices:
    return np.arange(len(features))


def learned(features: Features, targets: Outputs, settings: Settings = USUAL) -> KernelModel:
    return learn(features, targets, settings, everything(features))


@pytest.mark.parametrize(
    "settings",
    [
        USUAL,
        replace(USUAL, sharpness=12.0),
        replace(USUAL, ngram_share=0.0),
        replace(USUAL, ngram_share=1.0),
        replace(USUAL, ridge=0.01),
        replace(USUAL, ridge=3.0),
    ],
)
def test_with_all_rows_as_landmarks_it_is_the_textbooks_dual_solution(settings: Settings) -> None:
    seen, targets, unseen = lesson()
    found = predicted(unseen, learned(seen, targets, settings))
    assert np.allclose(found, textbook(seen, targets, unseen, settings, seen), atol=2e-3)


def test_the_router_predicts_one_prompt_as_many_are_predicted_together() -> None:
    rng = np.random.default_rng(6)
    texts, vectors = random_prompts(rng, 20), random_units(rng, 20)
    seen, targets, _ = lesson()
    model = learned(seen, targets)
    together = predicted(Features(vectors, counted_ngrams(texts)), model)
    one_by_one = [
        model.outputs(model.likeness(vector), buckets_of(text))
        for vector, text in zip(vectors, texts, strict=True)
    ]
    assert np.allclose(together, one_by_one, atol=1e-4)


def test_the_more_landmarks_the_nearer_to_the_full_solution() -> None:
    seen, targets, unseen = lesson()
    blunt = replace(USUAL, sharpness=0.5)
    full = predicted(unseen, learned(seen, targets, blunt))

    def gap(landmarks: int) -> float:
        some = learn(seen, targets, blunt, np.arange(landmarks))
        return float(np.abs(predicted(unseen, some) - full).max())

    assert gap(5) > gap(15) > gap(45) > gap(79)
    assert gap(79) < 0.05


def test_fewer_landmarks_are_the_textbooks_low_rank_solution() -> None:
    seen, targets, unseen = lesson()
    landmarks = np.arange(0, 80, 4)
    chosen = seen.where(landmarks)
    vectors_alone = replace(USUAL, ngram_share=0.0)
    across = textbook_kernel(seen, chosen, seen, vectors_alone)
    among = textbook_kernel(chosen, chosen, seen, vectors_alone) + 1e-4 * np.eye(20)
    asked = textbook_kernel(unseen, chosen, seen, vectors_alone)
    mean = targets.mean(axis=0)
    kernel = across @ np.linalg.solve(among, across.T)
    duals = np.linalg.solve(kernel + USUAL.ridge * np.eye(80), targets - mean)
    expected = asked @ np.linalg.solve(among, across.T) @ duals + mean
    found = predicted(unseen, learn(seen, targets, vectors_alone, landmarks))
    assert np.allclose(found, expected, atol=5e-3)


def test_landmarks_are_the_chosen_rows() -> None:
    seen, targets, _ = lesson()
    rows = np.array([3, 20, 71])
    model = learn(seen, targets, USUAL, rows)
    assert np.array_equal(model.landmarks, seen.vectors[rows])
    assert model.weights.shape == (3, 2)


def test_predictions_are_linear_in_targets() -> None:
    seen, targets, unseen = lesson()
    first, second = targets[:, :1], targets[:, 1:]
    mixed = predicted(unseen, learned(seen, 2 * first - 3 * second))
    apart = [predicted(unseen, learned(seen, each)) for each in (first, second)]
    assert np.allclose(mixed, 2 * apart[0] - 3 * apart[1], atol=2e-3)


def test_targets_that_are_learned_together_do_not_touch_one_another() -> None:
    seen, targets, unseen = lesson()
    together = predicted(unseen, learned(seen, targets))
    alone = predicted(unseen, learned(seen, targets[:, 1:]))
    assert np.allclose(together[:, 1:], alone, atol=1e-4)


def test_what_is_always_the_same_is_predicted_everywhere() -> None:
    seen, _, unseen = lesson()
    found = predicted(unseen, learned(seen, np.full((80, 1), 7.5)))
    assert found.ravel().tolist() == pytest.approx([7.5] * 30)


def test_a_larger_ridge_stays_nearer_to_the_mean() -> None:
    seen, targets, unseen = lesson()
    spreads = [
        np.std(predicted(unseen, learned(seen, targets, replace(USUAL, ridge=ridge)))[:, 0])
        for ridge in (0.03, 0.3, 3.0, 3000.0)
    ]
    assert spreads[0] > spreads[1] > spreads[2] > 10 * spreads[3]


def test_the_same_prompt_with_opposite_targets_is_predicted_in_the_middle() -> None:
    features = Features(
        np.repeat(np.eye(1, 8, dtype=np.float32), 20, axis=0), counted_ngrams(["one and all"] * 20)
    )
    targets = np.tile([[0.0], [1.0]], (10, 1))
    assert np.allclose(predicted(features, learned(features, targets)), 0.5, atol=1e-4)


def test_landmarks_that_coincide_do_no_harm() -> None:
    features = Features(
        np.repeat(random_units(np.random.default_rng(0), 4), 30, axis=0),
        counted_ngrams(["one and all"] * 120),
    )
    targets = np.repeat([[0.0], [1.0], [2.0], [3.0]], 30, axis=0)
    model = learn(features, targets, replace(USUAL, ngram_share=0.0), np.arange(0, 120, 2))
    assert np.allclose(predicted(features, model), targets, atol=0.05)


TRUTH = np.arange(240) % 2
SIGNS = np.where(TRUTH, 1.0, -1.0)[:, None]


def accuracy(features: Features, settings: Settings) -> float:
    """Learn from the first 160 prompts, and return how many of the others come out right."""
    first, rest = np.arange(160), np.arange(160, 240)
    model = learned(features.where(first), SIGNS[first], settings)
    return float(np.mean(predicted(features.where(rest), model)[:, 0] * SIGNS[rest, 0] > 0))


def test_a_rule_that_only_words_tell_is_learned() -> None:
    told = told_by_words(np.random.default_rng(0), TRUTH)
    assert accuracy(told, USUAL) > 0.95
    assert accuracy(told, replace(USUAL, ngram_share=0.0)) < 0.75


def test_a_rule_that_only_vectors_tell_is_learned() -> None:
    told = told_by_vectors(np.random.default_rng(0), TRUTH)
    assert accuracy(told, USUAL) > 0.95
    assert accuracy(told, replace(USUAL, ngram_share=1.0)) < 0.75


def test_without_a_share_n_grams_have_no_weight_and_without_the_rest_landmarks_have_none() -> None:
    seen, targets, _ = lesson()
    assert not learned(seen, targets, replace(USUAL, ngram_share=0.0)).ngrams.weights.any()
    assert not learned(seen, targets, replace(USUAL, ngram_share=1.0)).weights.any()


def test_learning_twice_gives_the_same_model() -> None:
    seen, targets, _ = lesson()
    first, second = learned(seen, targets), learned(seen, targets.copy())
    assert np.array_equal(first.weights, second.weights)
    assert np.array_equal(first.ngrams.weights, second.ngrams.weights)


def test_what_is_learned_from_is_not_changed() -> None:
    seen, targets, _ = lesson()
    vectors, words, wanted = seen.vectors.copy(), seen.ngrams.toarray(), targets.copy()
    learned(seen, targets)
    assert np.array_equal(seen.vectors, vectors)
    assert np.array_equal(seen.ngrams.toarray(), words)
    assert np.array_equal(targets, wanted)


def test_likeness_is_that_of_the_model() -> None:
    seen, targets, unseen = lesson()
    model = learned(seen, targets)
    together = likeness_between(unseen.vectors, model.landmarks, model.sharpness)
    one_by_one = [model.likeness(vector) for vector in unseen.vectors]
    assert np.allclose(together, one_by_one, atol=1e-6)
