"""The shapes in which people keep labelled prompts: JSON Lines, CSV, a YAML file a category.

Each reader yields a place in the file and what was found there: a row, or what is wrong. The
place is a line, in YAML the number of the example, and "" for the file as a whole.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from typing import Annotated, Final, TypeAlias

import msgspec
import yaml

_Filled = Annotated[str, msgspec.Meta(pattern=r"\S")]


class Row(msgspec.Struct):
    """A labelled prompt, as somebody wrote it."""

    text: _Filled
    category: _Filled
    id: str | int | None = None


class _Category(msgspec.Struct, forbid_unknown_fields=True):
    examples: Annotated[list[_Filled], msgspec.Meta(min_length=1)]
    category: _Filled | None = None


Found: TypeAlias = tuple[str, Row | str]
Reader: TypeAlias = Callable[[bytes, str], Iterator[Found]]
"""Reads a file's content; the second argument is the file's name without its endings."""


def json_lines(content: bytes, _: str) -> Iterator[Found]:
    """Read a JSON object a line: `text`, `category` and perhaps `id`; empty lines are no rows."""
    # Prompts hold U+2028 and the like, at which str.splitlines would break a row in two.
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            yield str(number), _decoded(line)


def comma_separated(content: bytes, _: str) -> Iterator[Found]:
    """Read CSV whose first line names the columns `text`, `category` and perhaps `id`."""
    try:
        # Spreadsheets begin with a byte order mark.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        yield "", f"is not in UTF-8: {error}"
        return
    rows = csv.DictReader(StringIO(text, newline=""), strict=True)
    try:
        columns = rows.fieldnames or ()
        missing = [name for name in ("text", "category") if name not in columns]
        if missing:
            yield "1", f"the first line names the columns, and `{missing[0]}` is not among them"
            return
        for row in rows:
            yield str(rows.line_num), _of_columns(row)
    except csv.Error as error:
        yield str(rows.reader.line_num), str(error)


def category_in_yaml(content: bytes, name: str) -> Iterator[Found]:
    """Read the examples of one category: a list, or `examples` with a `category`.

    Without a word about it, the category is what the file is called.
    """
    try:
        document = yaml.safe_load(content)
        document = {"examples": document} if isinstance(document, list) else document
        found = msgspec.convert(document, _Category)
    except (yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError) as error:
        yield "", " ".join(str(error).split())
        return
    for number, text in enumerate(found.examples, start=1):
        yield str(number), Row(text, found.category or name)


YAML: Final = (".yaml", ".yml")

READERS: Final[Mapping[str, Reader]] = {
    ".csv": comma_separated,
    **dict.fromkeys(YAML, category_in_yaml),
}
"""By the ending of a file's name; every other one is read as JSON Lines."""


def _decoded(line: bytes) -> Row | str:
    try:
        return msgspec.json.decode(line, type=Row)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return str(error)


def _of_columns(row: Mapping[str | None, str | list[str] | None]) -> Row | str:
    if None in row:
        return "has more fields than the first line"
    try:
        # An empty field is an absent one.
        return msgspec.convert({name: value for name, value in row.items() if value}, Row)
    except msgspec.ValidationError as error:
        return str(error)
