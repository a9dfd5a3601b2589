import numpy as np

from semrouter_extproc.workbench.lint import Severity
from semrouter_extproc.workbench.lint.mislabelled import mislabelled, suspects
from support.judged import judged

SEEMS = [0] * 20 + [1] * 20 + [2] * 20


def relabelled(**changes: int) -> list[int]:
    given = list(SEEMS)
    for row, label in changes.items():
        given[int(row.removeprefix("row_"))] = label
    return given


def test_a_wrong_label_is_found_with_the_right_one() -> None:
    (finding,) = mislabelled(judged(relabelled(row_3=2), SEEMS))

    assert finding.rows[0].id == "row/3"
    assert (finding.categories, finding.suggestion) == (("chess",), "art")
    assert finding.severity is Severity.WARNING
    assert finding.advice == (
        "Is this 'art' rather than 'chess'? A model that had not seen it says so with 90%, as do "
        "100% of its nearest neighbours."
    )


def test_right_labels_are_left_alone() -> None:
    assert list(mislabelled(judged(SEEMS, SEEMS))) == []


def test_every_wrong_label_is_a_suspect() -> None:
    found = suspects(judged(relabelled(row_3=2, row_25=0, row_59=1), SEEMS))

    assert sorted(found.rows.tolist()) == [3, 25, 59]
    assert sorted(zip(found.rows.tolist(), found.suggested.tolist(), strict=True)) == [
        (3, 0),
        (25, 1),
        (59, 2),
    ]


def test_a_model_that_neighbours_contradict_is_not_believed() -> None:
    rows = judged(SEEMS, SEEMS)
    rows.probabilities[3] = [0.05, 0.9, 0.05]

    assert list(mislabelled(rows)) == []


def test_neighbours_without_one_opinion_leave_it_at_advice() -> None:
    rows = judged(relabelled(row_3=2), SEEMS)
    rows.vectors[3] = np.eye(16)[7]
    rows.vectors[40:] *= -1  # so that none of the given category is near
    rows.vectors[20:40] += 0.6 * np.eye(16, dtype=np.float32)[7]

    (finding,) = mislabelled(rows)

    assert finding.suggestion == "art"
    assert finding.severity is Severity.ADVICE


def test_little_probability_is_no_doubt_where_all_rows_of_a_category_have_little() -> None:
    easy = judged(relabelled(row_3=2), SEEMS)
    hard = judged(relabelled(row_3=2), SEEMS)
    easy.probabilities[3] = hard.probabilities[3] = [0.55, 0.05, 0.4]
    hard.probabilities[40:] = [0.3, 0.28, 0.42]

    assert suspects(hard).doubt[0] < suspects(easy).doubt[0]


def test_the_most_doubtful_come_first() -> None:
    rows = judged(relabelled(row_3=2, row_25=0, row_59=1), SEEMS)
    rows.probabilities[25] = [0.3, 0.6, 0.1]

    found = suspects(rows)

    assert found.rows[-1] == 25
    assert found.doubt.tolist() == sorted(found.doubt, reverse=True)
