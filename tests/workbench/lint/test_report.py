import msgspec
import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.workbench.examples import Example
from semrouter_extproc.workbench.lint import Judged, Kind, Lint, Material, Severity, lint
from semrouter_extproc.workbench.lint.duplicates import near_duplicates
from semrouter_extproc.workbench.lint.growth import growth
from support.judged import directions, judged

SEEMS = [0] * 20 + [1] * 20 + [2] * 20
GIVEN = [1, *SEEMS[1:]]


def material(rows: Judged, **more: float) -> Material:
    return Material(rows.examples, rows.vectors, np.zeros(len(rows.truth), bool), rows, **more)


def close(*angles: float) -> NDArray[np.float32]:
    """Return unit vectors in a plane, at these angles in degrees."""
    radians = np.radians(angles)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def found(report: Lint) -> list[Kind]:
    return [finding.kind for finding in report.findings]


def test_neighbours_in_a_chain_are_one_group_of_near_duplicates() -> None:
    examples = [Example(str(at), f"text {at}", "art") for at in range(4)]

    (finding,) = near_duplicates(examples, close(0, 15, 30, 90))

    assert [row.id for row in finding.rows] == ["0", "1", "2"]
    assert (finding.kind, finding.severity) == (Kind.NEAR_DUPLICATES, Severity.ADVICE)


def test_near_duplicates_under_two_categories_are_told_apart_from_the_rest() -> None:
    names = ("art", "art", "botany", "botany")
    examples = [Example(str(at), f"text {at}", name) for at, name in enumerate(names)]

    contradiction, repetition = near_duplicates(examples, close(0, 15, 30, 90))

    assert contradiction.kind is Kind.NEAR_CONTRADICTION
    assert [row.id for row in contradiction.rows] == ["1", "2"]
    assert [row.id for row in repetition.rows] == ["0", "1"]


def test_the_very_same_text_is_no_near_duplicate() -> None:
    examples = [Example("1", "Why?", "art"), Example("2", "why", "botany")]

    assert list(near_duplicates(examples, close(0, 0))) == []


def test_what_doubling_the_rows_brought_is_told() -> None:
    (finding,) = growth(judged(GIVEN, SEEMS), 0.9)

    assert finding.advice.startswith("Half of the examples give 90.0%, all give 98.3%")
    assert finding.categories[0] == "botany"


def test_a_flat_learning_curve_is_no_reason_for_more_rows() -> None:
    assert list(growth(judged(GIVEN, SEEMS), 0.98)) == []


def test_findings_come_by_severity() -> None:
    rows = judged(GIVEN, SEEMS)
    twice = [*rows.examples[:-2], *(Example(f"x{at}", "Why?", f"{at}") for at in range(2))]

    report = lint(Material(twice, rows.vectors, np.ones(60, bool), rows, 0.5))

    severities = [finding.severity for finding in report.findings]
    assert severities == sorted(severities, key=list(Severity).index)
    assert {*severities} == {*Severity}


def test_only_advice_passes() -> None:
    rows = judged(SEEMS, SEEMS)
    assert lint(Material(rows.examples, rows.vectors, np.ones(60, bool), rows)).passes
    assert not lint(material(judged(GIVEN, SEEMS))).passes


def test_nothing_of_a_prompt_is_told_unasked() -> None:
    report = lint(material(judged(GIVEN, SEEMS)))

    assert Kind.MISLABELLED in found(report)
    assert b"text 0" not in msgspec.json.encode(report)


def test_prompts_are_shortened_where_they_are_shown() -> None:
    rows = judged(GIVEN, SEEMS)
    wordy = [Example("0", "many\nwords " * 50, "botany"), *rows.examples[1:]]
    shown = Judged(wordy, rows.labels, rows.truth, rows.vectors, rows.probabilities)

    report = lint(material(shown), show_text=True)

    excerpts = [row.excerpt for each in report.findings for row in each.rows if row.id == "0"]
    assert excerpts
    assert all(len(each) == 80 and each.startswith("many words many") for each in excerpts)


def test_a_row_in_a_contradiction_is_not_also_called_mislabelled() -> None:
    rows = judged(GIVEN, SEEMS)
    same = [Example("row/0", "text 1", "botany"), *rows.examples[1:]]
    report = lint(material(Judged(same, rows.labels, rows.truth, rows.vectors, rows.probabilities)))

    assert Kind.CONTRADICTION in found(report)
    assert Kind.MISLABELLED not in found(report)


def test_the_same_examples_give_the_same_report() -> None:
    assert lint(material(judged(GIVEN, SEEMS))) == lint(material(judged(GIVEN, SEEMS)))


def test_without_a_model_the_plain_findings_remain() -> None:
    examples = [Example(str(at), f"text {at}", "art") for at in range(3)]
    vectors = directions([0, 1, 2])

    report = lint(Material(examples, vectors, np.zeros(3, bool)))

    assert report.accuracy is None
    assert found(report) == [Kind.TOO_FEW]
