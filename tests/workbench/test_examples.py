import gzip
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.examples import Example, read_examples


def write(path: Path, *rows: object) -> Path:
    path.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    return path


def test_rows_are_read_in_order_with_their_ids(tmp_path: Path) -> None:
    path = write(
        tmp_path / "prompts.jsonl",
        {"id": "a", "text": "prove it", "category": "math"},
        {"id": 2, "text": "sue them", "category": "law", "options": ["unused"]},
    )
    (file,) = read_examples([path])
    assert file.examples == (
        Example("a", "prove it", "math"),
        Example("2", "sue them", "law"),
    )


def test_a_row_without_id_is_called_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text('\n{"text": "prove it", "category": "math"}')
    (file,) = read_examples([path])
    assert file.examples[0].id == "prompts.jsonl:2"


def test_gzipped_rows_are_the_same_rows(tmp_path: Path) -> None:
    plain = write(tmp_path / "prompts.jsonl", {"id": "a", "text": "x", "category": "math"})
    packed = tmp_path / "prompts.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    first, second = read_examples([plain, packed])
    assert first.examples == second.examples


def test_the_digest_is_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "prompts.jsonl", {"text": "x", "category": "math"})
    before = read_examples([path])[0].digest
    path.write_bytes(path.read_bytes() + b"\n")
    assert read_examples([path])[0].digest != before


@given(text=st.text(st.characters(exclude_categories=["Cs"])).filter(str.strip))
def test_any_text_survives_unbroken(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    row = {"id": "a", "text": text, "category": "math"}
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    (file,) = read_examples([path])
    assert [example.text for example in file.examples] == [text]


def test_a_line_separator_inside_a_prompt_does_not_end_the_row(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"text": "one\u2028two", "category": "math"}\n', encoding="utf-8")
    assert read_examples([path])[0].examples[0].text == "one\u2028two"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"text": "x"}', "missing required field `category`"),
        (b'{"category": "math"}', "missing required field `text`"),
        (b'{"text": " ", "category": "math"}', r"at `\$\.text`"),
        (b'{"text": "x", "category": ""}', r"at `\$\.category`"),
        (b'{"text": 1, "category": "math"}', "Expected `str`, got `int`"),
        (b'{"text": "x", "category": "math"', "truncated"),
        (b'["x", "math"]', "Expected `object`, got `array`"),
        (b'{"text": "\xff", "category": "math"}', "(?i)utf-8"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, line: bytes, message: str) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_bytes(b'{"text": "fine", "category": "math"}\n' + line + b"\n")
    with pytest.raises(ConfigError, match=message) as caught:
        read_examples([path])
    assert f"{path}:2: " in str(caught.value)


def test_every_bad_row_of_every_file_is_named(tmp_path: Path) -> None:
    first = write(tmp_path / "first.jsonl", {}, {"text": "x", "category": "math"}, {})
    second = write(tmp_path / "second.jsonl", {})
    with pytest.raises(ConfigError) as caught:
        read_examples([first, second, tmp_path / "none.jsonl"])
    named = [fault.split(": ")[0] for fault in caught.value.faults]
    assert named == [f"{first}:1", f"{first}:3", f"{second}:1", str(tmp_path / "none.jsonl")]


def test_thousands_of_bad_rows_are_counted_instead(tmp_path: Path) -> None:
    path = write(tmp_path / "prompts.jsonl", *[{}] * 5000)
    with pytest.raises(ConfigError, match="and 4980 more bad rows"):
        read_examples([path])


def test_half_a_gzip_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "x", "category": "math"}\n')[:-9])
    with pytest.raises(ConfigError, match="damaged gzip file"):
        read_examples([path])


def test_a_table_is_read_by_the_names_of_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "prompts.csv"
    path.write_bytes(
        b"\xef\xbb\xbfcategory,note,text,id\r\n"
        b'math,unused,"prove, ""at once"",\nthis",a\r\n'
        b"law,,sue them,\r\n"
    )
    (file,) = read_examples([path])
    assert file.examples == (
        Example("a", 'prove, "at once",\nthis', "math"),
        Example("prompts.csv:4", "sue them", "law"),
    )


def test_a_gzipped_table_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "prompts.csv.gz"
    path.write_bytes(gzip.compress(b"text,category\nprove it,math\n"))
    assert read_examples([path])[0].examples == (Example("prompts.csv.gz:2", "prove it", "math"),)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"text,label\nx,math\n", ":1: the first line names the columns, and `category`"),
        (b"", ":1: the first line names the columns, and `text`"),
        (b"text,category\nx,math\nx,math,law\n", ":3: has more fields than the first line"),
        (b"text,category\nx\n", ":2: Object missing required field `category`"),
        (b"text,category\n ,math\n", ":2: .*`..text`"),
        (b'text,category\n"x,math\n', ":2: unexpected end of data"),
        (b"text,category\n\xff,math\n", ": is not in UTF-8"),
    ],
)
def test_a_bad_row_of_a_table_is_named(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "prompts.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(str(path)) + fault):
        read_examples([path])


def test_a_folder_holds_a_file_for_each_category(tmp_path: Path) -> None:
    (tmp_path / "math.yaml").write_text("- prove it\n- count them\n")
    (tmp_path / "b.yml").write_text("category: law\nexamples: [sue them]\n")
    (tmp_path / "README.md").write_text("not for us")
    law, math = read_examples([tmp_path])
    assert law.examples == (Example("b.yml:1", "sue them", "law"),)
    assert math.examples == (
        Example("math.yaml:1", "prove it", "math"),
        Example("math.yaml:2", "count them", "math"),
    )


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("- prove it\n- 42\n", r"Expected `str`, got `int` - at `\$\.examples\[1\]`"),
        ("examples: []\n", r"length >= 1"),
        ("examples: [x]\nlabel: math\n", "unknown field `label`"),
        ("- ' '\n", r"examples\[0\]"),
        ("prove it\n", "Expected `object`, got `str`"),
        ("", "Expected `object`, got `null`"),
        ("- 'prove\n", "line 2"),
    ],
)
def test_a_bad_category_is_named(tmp_path: Path, content: str, fault: str) -> None:
    path = tmp_path / "math.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=fault) as caught:
        read_examples([tmp_path])
    assert str(caught.value.faults[0]).startswith(f"{path}: ")


def test_a_folder_without_categories_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must hold a YAML file for each category"):
        read_examples([tmp_path])
