"""Requests as the recorder wrote them, or bodies alone, from files and from folders of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from semrouter_extproc.core.apis import APIS, CHAT_COMPLETIONS, COMPLETIONS, RESPONSES, Api
from semrouter_extproc.core.policy import Decision
from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.files import read_content, shortened


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request, as its client sent it.

    `decision` is None where none was recorded, `wish` what the header `x-reasoning` said.
    `id` is `file:line` where the row has none. A redacted body holds lengths, and no texts.
    """

    id: str
    api: Api
    body: bytes
    decision: Decision | None = None
    wish: str | None = None
    redacted: bool = False


def read_recorded(paths: Iterable[Path]) -> Sequence[Recorded]:
    """Read the rows of files, plain or gzipped; of a folder, all its `*.jsonl` and `*.jsonl.gz`.

    A line is a row of the recorder, or a body alone. Raises ConfigError that names each line
    that is neither as `file:line`.
    """
    faults: list[str] = []
    rows = [row for path in paths for file in _files(path, faults) for row in _rows(file, faults)]
    if not rows and not faults:
        faults.append("no request in any file")
    if faults:
        raise ConfigError("recorded requests", shortened(faults))
    return rows


class _Row(msgspec.Struct):
    body: msgspec.Raw
    id: str | int | None = None
    path: str = CHAT_COMPLETIONS.path
    decision: Decision | None = None
    wish: str | None = None
    redacted: bool = False


_SPEAKING: Final = {"messages": CHAT_COMPLETIONS, "input": RESPONSES, "prompt": COMPLETIONS}
"""The API of a body alone, by the member that holds its conversation."""


def _files(path: Path, faults: list[str]) -> Iterable[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if file.name.endswith((".jsonl", ".jsonl.gz")))
    if not found:
        faults.append(f"{path}: the folder holds no *.jsonl")
    return found


def _rows(path: Path, faults: list[str]) -> Iterator[Recorded]:
    content = read_content(path, faults)
    # Prompts hold U+2028 and the like, at which str.splitlines would break a row in two.
    for number, line in enumerate(content.raw.split(b"\n") if content else (), start=1):
        if not line.strip():
            continue
        try:
            yield _read(line, f"{path.name}:{number}")
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            faults.append(f"{path}:{number}: {error}")


def _read(line: bytes, place: str) -> Recorded:
    members = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    if "body" not in members:
        return Recorded(place, _api_of_body(members), line)
    row = msgspec.json.decode(line, type=_Row)
    if row.path not in APIS:
        raise ValueError(f"path: nothing is routed at {row.path!r}, but at {', '.join(APIS)}")
    name = place if row.id is None else str(row.id)
    return Recorded(name, APIS[row.path], _bytes(row.body), row.decision, row.wish, row.redacted)


def _api_of_body(members: dict[str, msgspec.Raw]) -> Api:
    for name, api in _SPEAKING.items():
        if name in members:
            return api
    raise ValueError(f"has neither `body` nor a body's own members: {', '.join(_SPEAKING)}")


def _bytes(body: msgspec.Raw) -> bytes:
    is_text = bytes(memoryview(body)[:1]) == b'"'
    return msgspec.json.decode(body, type=str).encode() if is_text else bytes(body)
