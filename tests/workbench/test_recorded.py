"""Recorded requests, the access log and scores, as they lie in files."""

import gzip
import json
from pathlib import Path

import pytest

from semrouter_extproc.core.apis import CHAT_COMPLETIONS, MESSAGES, RESPONSES
from semrouter_extproc.core.policy import Decision, Reason
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.access_log import read_access_log
from semrouter_extproc.workbench.recorded import read_recorded
from semrouter_extproc.workbench.score_column import Score, read_scores

ROW = {
    "id": "a",
    "time": 1.5,
    "path": "/v1/messages",
    "body": {"model": "auto"},
    "decision": {
        "model": "qwen3",
        "reasoning": "on",
        "reason": "routed",
        "category": "math",
        "confidence": 0.5,
    },
    "wish": "on",
}


def written(file: Path, *rows: object) -> Path:
    file.write_text("\n".join(json.dumps(row) for row in rows))
    return file


def test_a_row_of_the_recorder_is_read_whole(tmp_path: Path) -> None:
    (row,) = read_recorded([written(tmp_path / "a.jsonl", ROW)])

    assert (row.id, row.api, row.wish, row.redacted) == ("a", MESSAGES, "on", False)
    assert json.loads(row.body) == {"model": "auto"}
    assert row.decision == Decision("qwen3", Reasoning.ON, Reason.ROUTED, "math", 0.5)


def test_a_body_alone_is_named_by_its_line_and_read_in_its_api(tmp_path: Path) -> None:
    file = written(tmp_path / "a.jsonl", {"messages": []}, {"input": "Why?"})

    chat, response = read_recorded([file])

    assert (chat.id, chat.api) == ("a.jsonl:1", CHAT_COMPLETIONS)
    assert (response.id, response.api) == ("a.jsonl:2", RESPONSES)
    assert chat.decision is None


def test_a_body_that_was_kept_as_a_text_has_its_bytes_again(tmp_path: Path) -> None:
    (row,) = read_recorded([written(tmp_path / "a.jsonl", {"body": '{"top_p": NaN, "user": "ü"}'})])

    assert row.body == '{"top_p": NaN, "user": "ü"}'.encode()


def test_a_folder_is_read_in_the_order_of_its_files_plain_and_gzipped(tmp_path: Path) -> None:
    written(tmp_path / "b.jsonl", ROW | {"id": "second"})
    first = json.dumps(ROW | {"id": "first"}).encode()
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(first))
    (tmp_path / "notes.txt").write_text("not ours")

    assert [row.id for row in read_recorded([tmp_path])] == ["first", "second"]


def test_every_line_that_is_no_request_is_named(tmp_path: Path) -> None:
    file = written(tmp_path / "a.jsonl", ROW, {"x": 1}, ROW | {"path": "/v2"}, 7)

    with pytest.raises(ConfigError) as caught:
        read_recorded([file, tmp_path / "absent.jsonl"])

    assert [fault.partition(": ")[0] for fault in caught.value.faults] == [
        *(f"{file}:{line}" for line in (2, 3, 4)),
        str(tmp_path / "absent.jsonl"),
    ]


def test_an_empty_folder_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no \*\.jsonl"):
        read_recorded([tmp_path])


def test_lines_among_the_access_log_that_are_not_of_it_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    line = {"request_id": "a", "code": 200, "completion_tokens": 9, "flags": "-"}
    file.write_text(f"[info] Envoy speaks\n{json.dumps(line)}\n\n{{}}\n")

    log = read_access_log(file)

    assert [(line.request_id, line.completion_tokens) for line in log.lines] == [("a", 9)]
    assert log.others == 2


def test_a_file_that_is_no_access_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="request_id"):
        read_access_log(written(tmp_path / "a.jsonl", ROW))


def test_scores_are_read_from_columns_and_from_lines(tmp_path: Path) -> None:
    table = tmp_path / "scores.csv"
    table.write_text("\ufeffid,score,parsed,truncated\na,0.5,,\nb,1,false,true\n")
    lines = written(tmp_path / "scores.jsonl", {"id": "a", "score": 0.5})

    assert read_scores(table) == {"a": Score("a", 0.5), "b": Score("b", 1, False, True)}  # noqa: FBT003
    assert read_scores(lines) == {"a": Score("a", 0.5)}


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("s.csv", "id,points\na,1\n", "s.csv:1: the first line names the columns, and `score`"),
        ("s.csv", "id,score\na,2\n", "s.csv:2: Expected `float` <= 1"),
        ("s.csv", "id,score\na,1\na,0\n", "s.csv:3: the id 'a' stands twice"),
        ("s.csv", "id,score\na,\n", "s.csv:2: Object missing required field `score`"),
        ("s.csv", "id,score\n", "no score in it"),
        ("s.jsonl", '{"id": "a"}', "s.jsonl:1: Object missing required field `score`"),
        ("s.jsonl", "nonsense", "s.jsonl:1: JSON is malformed"),
    ],
)
def test_a_bad_score_is_named_by_its_line(
    tmp_path: Path, name: str, content: str, fault: str
) -> None:
    (tmp_path / name).write_text(content)

    with pytest.raises(ConfigError) as caught:
        read_scores(tmp_path / name)
    assert fault in str(caught.value)
