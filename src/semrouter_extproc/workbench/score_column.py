"""How good answers were, by the id of their request: a judgement that only the user can give."""

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec

from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.files import read_content, shortened


class Score(msgspec.Struct, frozen=True):
    """How good one answer was, from 0 to 1; one that could not be read counts 0.

    `truncated` is None where nobody says whether the answer was cut off.
    """

    id: str
    score: Annotated[float, msgspec.Meta(ge=0, le=1)]
    parsed: bool = True
    truncated: bool | None = None


_Found: TypeAlias = tuple[int, Score | str]


def read_scores(path: Path) -> Mapping[str, Score]:
    """Read `id`, `score` and perhaps `parsed` and `truncated`, from CSV or JSON Lines.

    Raises ConfigError that names each bad row as `file:line`, ids that stand twice among them.
    """
    faults: list[str] = []
    content = read_content(path, faults)
    read = _columns if path.name.removesuffix(".gz").endswith(".csv") else _objects
    scores: dict[str, Score] = {}
    for number, row in read(content.raw) if content else ():
        if isinstance(row, str):
            faults.append(f"{path}:{number}: {row}")
        elif row.id in scores:
            faults.append(f"{path}:{number}: the id {row.id!r} stands twice")
        else:
            scores[row.id] = row
    if not scores and not faults:
        faults.append(f"{path}: no score in it")
    if faults:
        raise ConfigError("scores", shortened(faults))
    return scores


def _objects(content: bytes) -> Iterator[_Found]:
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            yield number, _score(line)


def _score(line: bytes) -> Score | str:
    try:
        return msgspec.json.decode(line, type=Score)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return str(error)


def _columns(content: bytes) -> Iterator[_Found]:
    # Spreadsheets begin with a byte order mark.
    rows = csv.DictReader(StringIO(content.decode("utf-8-sig", "replace"), newline=""), strict=True)
    missing = {"id", "score"}.difference(rows.fieldnames or ())
    if missing:
        yield 1, f"the first line names the columns, and `{min(missing)}` is not among them"
        return
    try:
        for row in rows:
            yield rows.line_num, _of_columns(row)
    except csv.Error as error:
        yield rows.line_num, str(error)


def _of_columns(row: Mapping[str, str]) -> Score | str:
    try:
        # An empty field is an absent one, and every field is a text.
        given = {name: value for name, value in row.items() if name and value}
        return msgspec.convert(given, Score, strict=False)
    except msgspec.ValidationError as error:
        return str(error)
