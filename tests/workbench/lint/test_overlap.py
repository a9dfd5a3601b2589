from semrouter_extproc.workbench.lint.overlap import overlaps
from support.judged import judged

GIVEN = [0] * 20 + [1] * 20 + [2] * 20


def test_categories_that_are_told_apart_do_not_overlap() -> None:
    assert list(overlaps(judged(GIVEN, GIVEN))) == []


def test_two_rows_are_no_overlap() -> None:
    assert list(overlaps(judged(GIVEN, [1, 1, *GIVEN[2:]]))) == []


def test_a_pair_is_found_with_its_rates_both_ways() -> None:
    seems = [1] * 4 + [0] * 16 + [0] * 2 + GIVEN[22:]

    (finding,) = overlaps(judged(GIVEN, seems))

    assert finding.categories == ("art", "botany")
    assert finding.score == 0.15
    assert finding.advice.startswith("20% of 'art' are taken for 'botany' and 10% the other way")
    assert finding.advice.endswith("add examples that tell them apart.")


def test_a_category_that_another_swallows_should_be_merged() -> None:
    seems = [1] * 15 + [0] * 5 + GIVEN[20:]

    (finding,) = overlaps(judged(GIVEN, seems))

    assert finding.advice.endswith("merge them, or define anew what belongs where.")
