"""Pictures are drawn for real; that they are beautiful, no test can say."""

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from matplotlib import rc_context

from semrouter_extproc.workbench.evaluation.pictures.canvas import shortened, spread
from semrouter_extproc.workbench.evaluation.pictures.confusion import draw_confusion, matrix_of
from semrouter_extproc.workbench.evaluation.pictures.frontier import draw_frontier
from semrouter_extproc.workbench.evaluation.pictures.gains import draw_gains
from semrouter_extproc.workbench.evaluation.pictures.reliability import draw_reliability
from support.fresh_python import run_python
from support.reports import HOSTILE, classification_report, policy_report

SVG = "{http://www.w3.org/2000/svg}"


def every_picture() -> dict[str, str]:
    policies, categories = policy_report(), classification_report()
    return {
        "frontier": draw_frontier(policies),
        "gains": draw_gains(policies),
        "reliability": draw_reliability(categories),
        "confusion": draw_confusion(categories),
    }


def nodes(picture: str) -> list[ET.Element]:
    return list(ET.fromstring(picture).iter())  # noqa: S314 - drawn just now


def texts(picture: str) -> list[str]:
    return ["".join(node.itertext()).strip() for node in nodes(picture) if node.tag == f"{SVG}text"]


def test_the_same_report_gives_the_same_pictures_whatever_people_set_for_their_own() -> None:
    before = every_picture()
    with rc_context({"font.size": 30, "svg.hashsalt": "another", "axes.grid": False}):
        assert every_picture() == before


def test_ids_are_apart_from_those_of_other_pictures() -> None:
    ids = [
        node.attrib["id"]
        for picture in every_picture().values()
        for node in nodes(picture)
        if "id" in node.attrib
    ]

    assert len(ids) == len(set(ids)) > 0


def test_every_reference_leads_to_an_id_of_the_picture() -> None:
    link = "{http://www.w3.org/1999/xlink}href"
    for picture in every_picture().values():
        ids = {node.attrib.get("id") for node in nodes(picture)}
        assert {node.attrib[link][1:] for node in nodes(picture) if link in node.attrib} <= ids


def test_names_are_text_not_markup() -> None:
    picture = draw_confusion(classification_report())

    assert "<script" not in picture
    assert shortened(HOSTILE) in texts(picture)


def test_lines_are_named_where_they_end() -> None:
    named = texts(draw_frontier(policy_report()))

    assert {"oracle", "router", "random", "nearest neighbours", "always on"} <= set(named)


def test_a_letter_that_the_font_lacks_is_left_to_the_browser() -> None:
    assert "数学" in "".join(texts(draw_confusion(classification_report(("数学", "law")))))


def test_of_many_categories_only_the_pairs_confused_most_are_drawn() -> None:
    report = classification_report(tuple(f"intent {number}" for number in range(150)))
    arrows = [text for text in texts(draw_confusion(report)) if "→" in text]

    assert len(arrows) == min(25, len(report.confusions))
    worst = report.confusions[0]
    assert f"{worst.category} → {worst.taken_for}" in arrows


def test_the_matrix_counts_every_row_once() -> None:
    report = classification_report(("art", "botany", "chess"))
    matrix = matrix_of(report)

    assert matrix.sum(axis=1).tolist() == [score.rows for score in report.categories]
    assert matrix.trace() == round(report.accuracy * report.rows)


def test_a_perfect_classification_can_be_drawn() -> None:
    report = classification_report(("only",))

    assert report.confusions == ()
    assert "100" in texts(draw_confusion(report))


@pytest.mark.parametrize("heights", [[5.0, 5.0, 5.0], [1.0, 9.0, 1.2], [3.0]])
def test_labels_are_spread_apart_in_their_order(heights: list[float]) -> None:
    placed = spread(heights, 1.0)
    rising = sorted(placed)

    assert all(upper - lower > 0.9 for lower, upper in pairwise(rising))
    assert placed[heights.index(min(heights))] == rising[0]


def test_without_matplotlib_the_extra_is_named() -> None:
    hidden = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from semrouter_extproc.workbench.evaluation.pictures.canvas import require_matplotlib\n"
        "try: require_matplotlib()\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )

    assert "EnvironmentProblem" in run_python(hidden).stdout
    assert "semrouter-extproc[plots]" in run_python(hidden).stdout


def test_the_page_s_modules_load_without_matplotlib() -> None:
    loaded = run_python(
        "import sys, semrouter_extproc.workbench.evaluation.page.whole; "
        "print('matplotlib' in sys.modules)"
    )

    assert loaded.stdout.strip() == "False"
