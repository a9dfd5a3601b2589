import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from when_to_reason.questions import Question, in_turn, not_learned_from, read_questions, rows_in

from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.evaluation.leakage import record_of
from semrouter_extproc.workbench.fit import is_held_out

NOTHING = np.empty(0, np.uint64)
ROW = {"id": "q/1", "text": "How many legs has an ant?", "category": "biology"}


def written(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def many(count: int) -> list[Question]:
    return [
        Question(f"q/{at}", f"question {at}?", "odd" if at % 2 else "even", ("Yes", "No"))
        for at in range(count)
    ]


def test_the_prompt_has_every_option_beside_its_letter() -> None:
    prompt = Question("q/1", "How many legs has an ant?", "biology", ("4", "6", "8")).prompt
    assert prompt.startswith("How many legs has an ant?\n\nA. 4\nB. 6\nC. 8\n\n")
    assert "Answer: X" in prompt


def test_braces_in_a_question_are_left_alone() -> None:
    assert "{x}" in Question("q", "Is {x} empty?", "math", ("{y}", "No")).prompt


@pytest.mark.parametrize("known", [{"answer": "B"}, {"answer_index": 1}])
def test_the_right_option_is_known_by_letter_or_by_place(
    tmp_path: Path, known: dict[str, Any]
) -> None:
    (question,) = read_questions(written(tmp_path, {**ROW, "options": ["4", "6"], **known}))
    assert question.right == "B"


def test_a_row_without_the_answer_can_be_asked_all_the_same(tmp_path: Path) -> None:
    (question,) = read_questions(written(tmp_path, {**ROW, "options": ["4", "6"]}))
    assert question.right is None


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"options": ["6"]},
        {"options": ["4", "6"], "answer": "C"},
        {"options": ["4", "6"], "answer_index": 2},
        {"options": ["4", "6"], "answer_index": -1},
    ],
)
def test_bad_rows_are_named_by_file_and_line(tmp_path: Path, wrong: dict[str, Any]) -> None:
    path = written(tmp_path, {**ROW, "options": ["4", "6"]}, {**ROW, **wrong})
    with pytest.raises(ConfigError, match=r"questions\.jsonl:2: "):
        read_questions(path)


def test_a_folder_of_labelled_data_holds_the_questions_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    row = json.dumps({**ROW, "options": ["4", "6"]}).encode()
    (tmp_path / "examples" / "mmlu_pro.jsonl.gz").write_bytes(gzip.compress(row))
    assert [each.id for each in read_questions(rows_in(tmp_path))] == ["q/1"]


def test_only_held_out_questions_are_asked() -> None:
    asked = not_learned_from(many(100), NOTHING)
    assert 0 < len(asked) < 40
    assert all(is_held_out(question.id) for question in asked)


def test_a_question_whose_text_was_learned_from_is_not_asked() -> None:
    fresh = not_learned_from(many(100), NOTHING)
    left = not_learned_from(many(100), record_of([fresh[0].text.upper()]))
    assert left == fresh[1:]


def test_where_all_was_learned_from_it_says_so() -> None:
    questions = many(100)
    with pytest.raises(ConfigError, match="none of 100"):
        not_learned_from(questions, record_of([each.text for each in questions]))


def test_the_first_questions_are_of_every_category_alike() -> None:
    ordered = in_turn(many(20))
    assert sorted(each.id for each in ordered) == sorted(each.id for each in many(20))
    assert [each.category for each in ordered[:4]] == ["even", "odd", "even", "odd"]


def test_the_order_does_not_depend_on_that_of_the_file() -> None:
    assert in_turn(reversed(many(20))) == in_turn(many(20))
