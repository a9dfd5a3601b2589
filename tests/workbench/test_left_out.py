from dataclasses import replace

import numpy as np

from semrouter_extproc.workbench.kernel_ridge import LeftOut, Settings, learn, predicted
from support.ridge import USUAL, lesson, textbook

FOLDS = np.arange(80) % 4


def left_out(settings: Settings) -> LeftOut:
    seen, _, _ = lesson()
    return LeftOut(seen, FOLDS, sharpness=settings.sharpness, ngram_share=settings.ngram_share)


def test_rows_left_out_are_predicted_by_a_model_learned_without_their_fold() -> None:
    seen, targets, _ = lesson()
    vectors_alone = replace(USUAL, ngram_share=0.0)
    found = left_out(vectors_alone).predicted(targets, vectors_alone.ridge)
    for fold in range(4):
        own = np.equal(FOLDS, fold)
        rest = ~own
        model = learn(seen.where(rest), targets[rest], vectors_alone, np.arange(60))
        assert np.allclose(found[own], predicted(seen.where(own), model), atol=1e-4)


def test_rows_left_out_lend_nothing_but_the_rarity_of_their_n_grams() -> None:
    seen, targets, _ = lesson()
    found = left_out(USUAL).predicted(targets, USUAL.ridge)
    for fold in range(4):
        own = np.equal(FOLDS, fold)
        rest = ~own
        expected = textbook(seen.where(rest), targets[rest], seen.where(own), USUAL, known=seen)
        assert np.allclose(found[own], expected, atol=2e-3)


def test_the_targets_of_a_fold_do_not_touch_its_own_predictions() -> None:
    _, targets, _ = lesson()
    kept = left_out(USUAL)
    before = kept.predicted(targets, 0.1)
    changed = targets.copy()
    changed[FOLDS == 2] += 100
    after = kept.predicted(changed, 0.1)
    assert np.array_equal(after[FOLDS == 2], before[FOLDS == 2])
    assert (after != before)[FOLDS != 2].all()


def test_asking_for_one_ridge_does_not_change_what_another_gives() -> None:
    _, targets, _ = lesson()
    kept = left_out(USUAL)
    first = kept.predicted(targets, 0.1)
    kept.predicted(targets, 10.0)
    assert np.array_equal(kept.predicted(targets, 0.1), first)
