from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.workbench.examples import Example
from semrouter_extproc.workbench.features import Features, counted_ngrams
from semrouter_extproc.workbench.lint import Kind, Material, lint
from semrouter_extproc.workbench.lint.examine import Model, left_out, worked_out
from semrouter_extproc.workbench.progress import Silent
from semrouter_extproc.workbench.rows import Rows
from support.judged import directions

NAMES = "art", "botany", "chess"


@dataclass
class Nearest:
    """A model that goes by the axis a vector is nearest to, and remembers what it was asked."""

    asked: list[Rows] = field(default_factory=list)

    def __call__(self, rows: Rows) -> NDArray[np.float64]:
        self.asked.append(rows)
        warm = np.exp(10.0 * rows.features.vectors[:, : len(rows.labels)])
        shares: NDArray[np.float64] = warm / warm.sum(axis=1, keepdims=True)
        return shares


def material(model: Model, truth: Sequence[int], given: Sequence[int] = ()) -> Material:
    """Work out rows that are in `truth` of one category and labelled as `given`."""
    examples = [
        Example(f"row/{at}", f"text {at}", NAMES[of]) for at, of in enumerate(given or truth)
    ]
    features = Features(directions(truth), counted_ngrams([each.text for each in examples]))
    return worked_out(examples, features, np.zeros(len(truth), bool), model, Silent())


def test_rows_are_placed_without_those_that_are_too_few_of_their_kind() -> None:
    truth = [0] * 6 + [1] * 6 + [2] * 4

    judged = material(Nearest(), truth).judged

    assert judged is not None
    assert judged.labels == ("art", "botany")
    assert judged.truth.tolist() == truth[:12]
    assert [each.category for each in judged.examples] == ["art"] * 6 + ["botany"] * 6


def test_nothing_is_learned_of_one_category() -> None:
    model = Nearest()

    assert material(model, [0] * 6 + [1] * 4).judged is None
    assert not model.asked


def test_the_learning_curve_takes_half_of_every_category() -> None:
    model = Nearest()

    worked = material(model, [0] * 12 + [1] * 20)

    assert [np.bincount(rows.truth).tolist() for rows in model.asked] == [[12, 20], [6, 10]]
    assert worked.at_half == 1


def test_few_rows_have_no_learning_curve() -> None:
    assert material(Nearest(), [0] * 9 + [1] * 20).at_half is None


def test_a_wrong_label_is_found_by_what_was_learned_from_the_others() -> None:
    truth = [0] * 20 + [1] * 20 + [2] * 20

    report = lint(material(left_out, truth, [1, *truth[1:]]))

    (row,) = [each.rows[0] for each in report.findings if each.kind is Kind.MISLABELLED]
    assert row.id == "row/0"


def test_a_single_row_is_looked_at_too() -> None:
    report = lint(material(left_out, [0]))

    assert [finding.kind for finding in report.findings] == [Kind.TOO_FEW]
