from pathlib import Path

import msgspec
import pytest
from when_to_reason.answers import Answer, Asked, Ledger, Settings, Way, to_ask
from when_to_reason.figures import Figures, figures_of, rows_of
from when_to_reason.pairs import write_records
from when_to_reason.questions import Question
from when_to_reason.report import markdown

from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.records import read_records

SETTINGS = Settings(
    model="thinker",
    dialect="qwen3",
    server="10.0.0.1:8000",
    max_tokens=100,
    concurrency=4,
    prompt="p",
    router="r",
)
QUESTIONS = [
    Question("q/1", "Six legs?", "biology", ("Ant", "Cow"), answer="A"),
    Question("q/2", "Two plus two?", "math", ("Three", "Four"), answer="B"),
]


def answer(
    question: str, way: Way, said: str, *, tokens: int, finish: str = "stop", on: bool = False
) -> Answer:
    return Answer(
        question=question,
        way=way,
        settings=SETTINGS.key,
        at=0.0,
        reasoning=Reasoning.ON if on else Reasoning.OFF,
        reason="routed",
        category="math",
        tokens=tokens,
        first_token=0.5,
        seconds=tokens / 10,
        finish=finish,
        said=said,
    )


def answered() -> dict[Asked, Answer]:
    given = [
        answer("q/1", Way.ALWAYS_ON, "Answer: A", tokens=100, on=True),
        answer("q/2", Way.ALWAYS_ON, "", tokens=100, finish="length", on=True),
        answer("q/1", Way.ALWAYS_OFF, "Answer: A", tokens=10),
        answer("q/2", Way.ALWAYS_OFF, "Answer: A", tokens=10),
        answer("q/1", Way.ROUTED, "Answer: A", tokens=10),
        answer("q/2", Way.ROUTED, "Answer: B", tokens=90, on=True),
    ]
    return {(each.question, each.way): each for each in given}


def figures(*, judge: bool = True) -> Figures:
    return figures_of(rows_of(QUESTIONS, answered(), judge=judge), SETTINGS, 0)


def test_each_way_is_summed_up_over_all_questions() -> None:
    ways = figures().ways
    assert [ways[way].accuracy for way in Way] == [0.5, 0.5, 1.0]
    assert [ways[way].tokens for way in Way] == [100, 10, 50]
    assert [ways[way].truncated for way in Way] == [1, 0, 0]
    assert [ways[way].unparsed for way in Way] == [1, 0, 0]
    assert [ways[way].reasoned for way in Way] == [1.0, 0.0, 0.5]
    assert ways[Way.ALWAYS_ON].seconds.p50 == pytest.approx(10.0)


def test_routed_is_held_against_always_on_question_by_question() -> None:
    routed = figures().compared[Way.ROUTED]
    assert routed.tokens.share == pytest.approx(0.5)
    assert routed.seconds.share == pytest.approx(0.5)
    low, high = routed.tokens.ci95
    assert (low, high) == pytest.approx((0.1, 0.9))
    assert routed.mcnemar is not None
    assert (routed.mcnemar.better, routed.mcnemar.worse) == (1, 0)


def test_by_lot_lies_between_always_off_and_always_on_at_the_routed_tokens() -> None:
    given = answered()
    given["q/2", Way.ALWAYS_ON] = answer("q/2", Way.ALWAYS_ON, "Answer: B", tokens=100, on=True)
    found = figures_of(rows_of(QUESTIONS, given, judge=True), SETTINGS, 0)
    # 50 of 10 to 100 tokens, and 50 to 100 % accuracy.
    assert found.by_lot == pytest.approx(0.5 + 0.5 * 40 / 90)


def test_categories_stand_by_themselves() -> None:
    biology, maths = figures().categories
    assert (biology.name, biology.questions, biology.reasoned) == ("biology", 1, 0.0)
    assert maths.accuracy == {Way.ALWAYS_ON: 0, Way.ALWAYS_OFF: 0, Way.ROUTED: 1}


def test_a_question_that_one_way_has_not_answered_counts_for_none() -> None:
    given = answered()
    del given["q/2", Way.ALWAYS_OFF]
    assert [question.id for question, _ in rows_of(QUESTIONS, given, judge=True)] == ["q/1"]


def test_what_is_not_judged_shows_no_accuracy_anywhere() -> None:
    found = figures(judge=False)
    assert found.judged == 0
    assert {each.accuracy for each in found.ways.values()} == {None}
    assert "No accuracy" in markdown(found)


def test_the_page_of_the_small_model_says_what_it_cannot_show() -> None:
    settings = msgspec.structs.replace(SETTINGS, server=None)
    page = markdown(msgspec.structs.replace(figures(judge=False), settings=settings))
    assert "Tokens and latency only" in page


def test_the_page_holds_the_ways_beside_the_paper() -> None:
    page = markdown(figures())
    assert "| routed | 2 | 50% | 100.0% (34.2 to 100.0) | 50.0 |" in page
    assert "| paper: routed | 58.6% | 13.09 | 887.5 | 51.5% |" in page


def test_pairs_are_records_for_tuning(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    assert write_records(path, rows_of(QUESTIONS, answered(), judge=True)) == 2
    records = read_records([path])
    assert records.arms == ("direct", "reasoning")
    assert records.scores.tolist() == [[1, 1], [0, 0]]
    assert records.tokens.tolist() == [[10, 100], [10, 100]]
    assert records.unparsed.tolist() == [[False, False], [False, True]]
    assert records.truncated.tolist() == [[False, False], [False, True]]


def test_a_rerun_asks_only_what_is_missing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "out" / "answers.jsonl")
    given = answered()
    missing = given.pop(("q/2", Way.ROUTED))
    for each in given.values():
        ledger.append(each)
    assert to_ask(["q/1", "q/2"], ledger.answers(SETTINGS)) == [("q/2", Way.ROUTED)]
    ledger.append(missing)
    assert to_ask(["q/1", "q/2"], ledger.answers(SETTINGS)) == []


def test_answers_under_other_settings_do_not_count(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "answers.jsonl")
    ledger.append(answered()["q/1", Way.ROUTED])
    assert ledger.answers(msgspec.structs.replace(SETTINGS, max_tokens=200)) == {}


def test_a_line_that_was_cut_off_is_asked_again_and_spoils_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "answers.jsonl")
    first, second, *_ = answered().values()
    ledger.append(first)
    whole = ledger.path.read_bytes()
    ledger.path.write_bytes(whole + whole[:40])
    assert list(ledger.answers(SETTINGS).values()) == [first]
    ledger.drop_torn_line()
    ledger.append(second)
    assert list(ledger.answers(SETTINGS).values()) == [first, second]


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "answers.jsonl")
    ledger.path.write_text("nonsense\n")
    with pytest.raises(ConfigError, match=r"answers\.jsonl:1: .*remove the line"):
        ledger.answers(SETTINGS)


def test_each_way_goes_first_in_a_third_of_the_questions() -> None:
    asked = to_ask(["a", "b", "c"], {})
    assert [way for _, way in asked[::3]] == list(Way)
    assert len(set(asked)) == 9
