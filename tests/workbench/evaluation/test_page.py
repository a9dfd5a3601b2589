"""The page as a reader's browser gets it."""

import re
from html.parser import HTMLParser

import msgspec
import pytest

from semrouter_extproc.workbench.evaluation import paper
from semrouter_extproc.workbench.evaluation.figures import (
    percent,
    percent_range,
    points,
    points_range,
    probability,
)
from semrouter_extproc.workbench.evaluation.page.markup import element, table
from semrouter_extproc.workbench.evaluation.page.whole import page
from semrouter_extproc.workbench.evaluation.results import Policies, Report
from support.reports import HOSTILE, report

REPORT = report()
PAGE = page(REPORT)


class Reader(HTMLParser):
    """Gathers what a browser would find."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def read() -> Reader:
    reader = Reader()
    reader.feed(PAGE)
    return reader


def test_it_needs_nothing_from_outside(read: Reader) -> None:
    assert not {"script", "link", "img", "iframe", "object"} & set(read.tags)
    for name, value in read.attributes:
        assert not name.startswith("on")
        if name in {"href", "src", "xlink:href"}:
            assert value.startswith("#")
    assert "@import" not in PAGE
    assert not re.search(r"url\((?!#)", PAGE)


def test_hostile_names_are_shown_as_they_are_and_run_nowhere(read: Reader) -> None:
    assert "<script" not in PAGE
    assert "<b>" not in PAGE
    assert HOSTILE in read.text
    assert any(text.startswith("<b>") for text in read.text)


def test_no_prompt_is_on_it() -> None:
    assert "a secret text" not in PAGE


def test_it_is_readable_in_the_dark_and_on_a_telephone() -> None:
    assert "prefers-color-scheme: dark" in PAGE
    assert 'name="viewport"' in PAGE


def test_every_figure_about_policies_is_on_it(read: Reader) -> None:
    policy = REPORT.policy
    assert policy is not None
    cells = set(read.text)
    scores = [getattr(policy, name) for name in Policies.__struct_fields__]
    shown = [
        *(f"{score.tokens:,.1f}" for score in scores),
        *(f"{percent(score.accuracy)} ({percent_range(score.ci95)})" for score in scores),
        *(f"{points(score.gain)} ({points_range(score.gain_ci95)})" for score in scores),
        *(percent(point.accuracy) for point in policy.frontier),
        *(percent(point.matched_random) for point in policy.frontier),
        *(percent_range(point.ci95) for point in policy.frontier),
        *(points(each.gain) for each in policy.categories),
        *(each.category for each in policy.categories),
        *(
            f"{100 * area.share:.1f}"
            for area in (policy.areas.router, policy.areas.nearest)
            if area
        ),
    ]

    assert set(shown) <= cells


def test_every_figure_about_categories_is_on_it(read: Reader) -> None:
    found = REPORT.classification
    assert found is not None
    shown = [
        f"{100 * found.macro_f1:.1f}",
        f"{100 * found.ece:.1f}",
        f"{found.log_loss:.4f}",
        *(f"{100 * score.recall:.1f}" for score in found.categories),
        *(error.id for error in found.surest_errors),
    ]

    assert set(shown) <= set(read.text)


def test_the_paper_is_beside_it_with_what_cannot_be_compared(read: Reader) -> None:
    text = "".join(read.text)

    assert {"48.33", "58.57", "1,722.1", "887.5"} <= set(read.text)
    assert all(reason in text for reason in (*paper.COMPARABLE, *paper.NOT_COMPARABLE))
    assert "-48.5 %" in text


def test_the_paper_spends_what_its_table_says() -> None:
    assert abs(paper.TOKEN_SHARE - (1 - 0.485)) < 5e-4


def test_notes_come_first() -> None:
    assert PAGE.index("beware of") < PAGE.index("<section>")


def test_a_report_of_one_half_has_a_page() -> None:
    half = msgspec.structs.replace(REPORT, policy=None)

    assert "When to reason" not in page(half)
    assert "Beside the paper" not in page(half)
    assert "Categories, on" in page(half)
    assert "When to reason" in page(msgspec.structs.replace(REPORT, classification=None))


def test_the_json_is_that_of_the_command_line_s_contract() -> None:
    document = msgspec.json.decode(msgspec.json.encode(REPORT))

    assert {"accuracy", "macro_f1", "ece"} <= set(document["classification"])
    expected = ("always_on", "always_off", "matched_random", "per_category", "router", "oracle")
    assert all({"accuracy", "tokens"} <= set(document["policy"][name]) for name in expected)
    point = {"token_share", "accuracy", "ci95", "matched_random"}
    assert point <= set(document["policy"]["frontier"][0])
    assert msgspec.json.decode(msgspec.json.encode(REPORT), type=Report) == REPORT


def test_the_same_report_gives_the_same_page() -> None:
    assert page(report()) == PAGE


def test_what_is_no_markup_is_escaped() -> None:
    assert element("p", "<&>", title='"') == '<p title="&quot;">&lt;&amp;&gt;</p>'
    assert "<td>&lt;i&gt;</td>" in table(["a", "b"], [("1", "<i>")])


def test_figures_are_written_by_hand_as_people_would() -> None:
    assert (percent(0.7356), percent(None)) == ("73.6", "-")
    assert (points(0.1533), points(-0.00001)) == ("+15.33", "+0.00")
    assert percent_range((0.5, 1.0)) == "50.0 to 100.0"
    assert points_range((-0.01, 0.002)) == "-1.00 to +0.20"
    assert (probability(0.0259), probability(1e-9)) == ("0.0259", "< 0.0001")
