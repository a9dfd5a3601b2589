import gzip
import json
from pathlib import Path

import pytest

from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.records import ONE_ARM, read_records
from support.paired import paired


def outcome(correct: float = 1, tokens: float = 10, **more: object) -> dict[str, object]:
    return {"correct": correct, "tokens": tokens, **more}


def pair(text: str, **more: object) -> dict[str, object]:
    return {
        "text": text,
        "reasoning": outcome(1, 100),
        "direct": outcome(0, 10),
        **more,
    }


def write(path: Path, *rows: object) -> Path:
    path.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    return path


def faults_of(*paths: Path) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        read_records(paths)
    return raised.value.faults


def test_a_pair_becomes_two_arms_with_the_cheapest_first(tmp_path: Path) -> None:
    records = read_records([write(tmp_path / "r.jsonl", pair("why?", id="a", category="law"))])

    assert records.arms == ("direct", "reasoning")
    assert (records.ids, records.texts, records.categories) == (("a",), ("why?",), ("law",))
    assert records.scores.tolist() == [[0, 1]]
    assert records.tokens.tolist() == [[10, 100]]


def test_arms_may_have_any_name_and_number(tmp_path: Path) -> None:
    arms = {
        "large": {"score": 0.75, "tokens": 90},
        "small": {"score": 0.5, "tokens": 40},
        "tiny": {"score": 0.25, "tokens": 30},
    }
    records = read_records([write(tmp_path / "r.jsonl", {"text": "why?", "arms": arms})])

    assert records.arms == ("tiny", "small", "large")
    assert records.scores.tolist() == [[0.25, 0.5, 0.75]]


def test_an_answer_that_cannot_be_read_scores_nothing(tmp_path: Path) -> None:
    row = pair("why?", reasoning=outcome(1, 100, parsed=False, truncated=True))
    records = read_records([write(tmp_path / "r.jsonl", row)])

    assert records.scores.tolist() == [[0, 0]]
    assert records.unparsed.tolist() == [[False, True]]
    assert records.truncated.tolist() == [[False, True]]


def test_a_row_without_id_is_called_by_its_line(tmp_path: Path) -> None:
    records = read_records([write(tmp_path / "r.jsonl", pair("a"), pair("b"))])
    assert records.ids == ("r.jsonl:1", "r.jsonl:2")


def test_gzipped_rows_are_the_same_rows(tmp_path: Path) -> None:
    plain = write(tmp_path / "r.jsonl", pair("why?", id=1))
    packed = tmp_path / "r.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    records = read_records([plain, packed])

    assert records.texts == ("why?", "why?")
    assert [source.rows for source in records.sources] == [1, 1]


def test_a_prompt_with_a_line_separator_stays_one_row(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps(pair("a\u2028b"), ensure_ascii=False) + "\n", encoding="utf-8")
    assert read_records([path]).texts == ("a\u2028b",)


def test_rows_with_one_arm_are_refused_with_what_is_missing_and_how_to_get_it(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "logs.jsonl", {"text": "why?", "reasoning": outcome()})

    assert faults_of(path) == (f"{path}:1: only the arm `reasoning` was observed", ONE_ARM)
    assert "small random share of traffic" in ONE_ARM


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"text": "why?"}, "has no outcome"),
        (pair(" "), "$.text"),
        (pair("why?", direct={"tokens": 4}), "either `correct` or `score`"),
        (pair("why?", direct=outcome(2)), "$.direct.correct"),
        (pair("why?", direct=outcome(tokens=-1)), "$.direct.tokens"),
        (pair("why?", arms={"other": outcome()}), "has the arms"),
    ],
)
def test_each_bad_row_is_named_with_its_line(
    row: dict[str, object], fault: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "r.jsonl", pair("fine"), row)
    (found,) = faults_of(path)
    assert found.startswith(f"{path}:2: ")
    assert fault in found


def test_of_many_bad_rows_the_first_are_shown(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", *[{"text": "why?"}] * 30)
    assert faults_of(path)[-1] == "and 10 more bad rows"


def test_files_without_rows_are_refused(tmp_path: Path) -> None:
    assert faults_of(write(tmp_path / "r.jsonl")) == ("no row in any file",)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path / "none.jsonl")
    assert "none.jsonl: No such file" in fault


def test_rows_can_be_picked(tmp_path: Path) -> None:
    rows = [pair("a"), pair("b", category="law", direct=outcome(1, 30))]
    picked = (records := read_records([write(tmp_path / "r.jsonl", *rows)])).where(
        records.scores[:, 0] > 0
    )

    assert (picked.texts, picked.categories) == (("b",), ("law",))
    assert picked.tokens.tolist() == [[30, 100]]


def test_a_sample_is_the_same_each_time_and_keeps_the_order() -> None:
    records = paired(500, gain=0.4)
    drawn = records.sample(100)

    assert len(drawn.ids) == 100
    assert drawn.ids == records.sample(100).ids
    assert list(drawn.ids) == sorted(drawn.ids, key=records.ids.index)


def test_a_sample_is_drawn_from_all_rows() -> None:
    drawn = paired(500, gain=0.4).sample(100)
    fifths = {int(name.removeprefix("row/")) // 100 for name in drawn.ids}
    assert fifths == set(range(5))


def test_a_sample_of_more_than_there_are_is_all() -> None:
    records = paired(50, gain=0.4)
    assert records.sample(51).ids == records.ids
