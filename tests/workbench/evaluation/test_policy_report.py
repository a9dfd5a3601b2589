import numpy as np
import pytest

from semrouter_extproc.core.outcomes import Expected
from semrouter_extproc.workbench.evaluation.policies import at_random
from semrouter_extproc.workbench.evaluation.results import Area, PolicyScore
from semrouter_extproc.workbench.records import Records
from support.paired import paired
from support.reports import policy_report

RECORDS = paired(600, gain=0.4)
TRUTH = Expected(RECORDS.scores, RECORDS.tokens)


def blind(seed: int) -> Expected:
    gains = np.random.default_rng(seed).random(len(RECORDS.ids))
    return Expected(np.column_stack([np.zeros_like(gains), gains]), RECORDS.tokens)


REPORT = policy_report(RECORDS)


def area(router: Expected) -> Area:
    found = policy_report(RECORDS, router).areas.router
    assert found is not None
    return found


def test_who_knows_everything_has_the_whole_area() -> None:
    found = area(TRUTH)

    assert found.share == pytest.approx(1)
    assert found.ci95 == pytest.approx((1, 1))


def test_who_knows_nothing_has_none_of_it() -> None:
    found = [area(blind(seed)) for seed in range(3)]

    assert abs(np.mean([each.share for each in found])) < 0.06
    assert all(each.ci95[0] < 0 < each.ci95[1] for each in found)


def test_who_knows_the_opposite_does_worse_than_chance() -> None:
    assert area(Expected(1 - RECORDS.scores, RECORDS.tokens)).ci95[1] < 0


def test_the_oracle_is_nowhere_below_the_router() -> None:
    for point in REPORT.frontier:
        assert point.oracle >= point.accuracy - 1e-9
        assert point.token_share <= point.budget + 1e-9


def test_a_policy_by_hand() -> None:
    scores = np.tile([[0.0, 1.0], [1.0, 1.0]], (10, 1))
    records = Records(
        arms=("direct", "reasoning"),
        ids=tuple(map(str, range(20))),
        texts=tuple(map(str, range(20))),
        categories=("puzzle", "greeting") * 10,
        scores=scores,
        tokens=np.tile([10.0, 100.0], (20, 1)),
        unparsed=np.tile([[True, False], [False, False]], (10, 1)),
        truncated=np.tile([[False, True], [False, True]], (10, 1)),
    )
    found = policy_report(records)
    hand_set = found.per_category

    # Half of the prompts reason: all right, for 55 tokens instead of 100.
    assert (hand_set.accuracy, hand_set.tokens, hand_set.reasoned) == (1, 55, 0.5)
    assert hand_set.token_share == pytest.approx(0.55)
    # Half of the prompts at random: 0.75.
    assert hand_set.gain == pytest.approx(0.25)
    assert hand_set.mcnemar is not None
    assert (hand_set.mcnemar.better, hand_set.mcnemar.worse, hand_set.mcnemar.p) == (0, 0, 1)
    assert (found.always_off.unparsed, found.always_off.truncated) == (10, 0)
    assert (found.always_on.unparsed, found.always_on.truncated) == (0, 20)
    assert (hand_set.unparsed, hand_set.truncated) == (0, 10)
    assert found.always_off.mcnemar is not None
    assert (found.always_off.mcnemar.worse, found.always_off.accuracy) == (10, 0.5)


def test_matched_random_spends_as_the_router_and_gains_nothing() -> None:
    policies = REPORT

    assert policies.matched_random.tokens == pytest.approx(policies.router.tokens)
    assert policies.matched_random.gain == pytest.approx(0, abs=1e-12)
    assert policies.matched_random.gain_ci95 == pytest.approx((0, 0), abs=1e-9)
    assert policies.matched_random.mcnemar is None


def test_a_gain_is_paired() -> None:
    # Always-on scatters from draw to draw, and with it chance: the gain above it does not.
    policies = REPORT

    def width(score: PolicyScore) -> tuple[float, float]:
        return score.ci95[1] - score.ci95[0], score.gain_ci95[1] - score.gain_ci95[0]

    assert width(policies.always_on)[0] > 0.03
    assert width(policies.always_on)[1] == pytest.approx(0)
    accuracy, gain = width(policies.router)
    assert gain < accuracy


def test_gains_of_categories_add_up_to_the_router_s() -> None:
    found = REPORT
    total = sum(each.rows * each.gain for each in found.categories) / found.rows

    assert total == pytest.approx(found.router.gain)


def test_without_categories_nothing_is_said_about_them() -> None:
    nameless = paired(100, gain=0.4)
    found = policy_report(
        Records(
            arms=nameless.arms,
            ids=nameless.ids,
            texts=nameless.texts,
            categories=("",) * 100,
            scores=nameless.scores,
            tokens=nameless.tokens,
            unparsed=nameless.unparsed,
            truncated=nameless.truncated,
        )
    )

    assert found.categories == ()
    assert found.areas.category_known is None
    assert all(point.category_known is None for point in found.frontier)


def test_three_arms_are_held_against_their_best_mixture() -> None:
    rng = np.random.default_rng(0)
    scores = (rng.random((300, 3)) < [0.2, 0.8, 0.9]).astype(np.float64)
    tokens = np.tile([10.0, 50.0, 200.0], (300, 1))
    records = Records(
        arms=("small", "large", "largest"),
        ids=tuple(map(str, range(300))),
        texts=tuple(map(str, range(300))),
        categories=("",) * 300,
        scores=scores,
        tokens=tokens,
        unparsed=np.zeros((300, 3), bool),
        truncated=np.zeros((300, 3), bool),
    )
    report = policy_report(records)
    shares = at_random(scores, tokens, 50.0)

    assert shares[0].tolist() == [0, 1, 0]
    assert report.always_on.tokens == 200
    assert max(point.matched_random for point in report.frontier) <= scores.mean(axis=0).max()


def test_the_same_records_give_the_same_report() -> None:
    assert policy_report(RECORDS) == REPORT
