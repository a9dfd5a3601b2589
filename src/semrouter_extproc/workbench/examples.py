"""Labelled prompts, one JSON object a line."""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import msgspec

from semrouter_extproc.errors import ConfigError

_GZIP_MAGIC: Final = b"\x1f\x8b"
_FAULTS_SHOWN: Final = 20

_Filled = Annotated[str, msgspec.Meta(pattern=r"\S")]


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt and the category it belongs to. `id` is its own, or `file:line`."""

    id: str
    text: str
    category: str


@dataclass(frozen=True, slots=True)
class ExampleFile:
    """The rows of one file. `digest` is the SHA-256 of its bytes as they lie on disk."""

    name: str
    digest: str
    examples: tuple[Example, ...]


class _Row(msgspec.Struct):
    text: _Filled
    category: _Filled
    id: str | int | None = None


def read_examples(paths: Iterable[Path]) -> tuple[ExampleFile, ...]:
    """Read every row of JSON Lines files, plain or gzipped; empty lines are no rows.

    Raises ConfigError that names each bad row as `file:line`. No row is left out.
    """
    faults: list[str] = []
    files = [_read(path, faults) for path in paths]
    if faults:
        raise ConfigError("examples", _shortened(faults))
    return tuple(files)


def _read(path: Path, faults: list[str]) -> ExampleFile:
    try:
        raw = path.read_bytes()
        content = gzip.decompress(raw) if raw.startswith(_GZIP_MAGIC) else raw
    except OSError as error:
        faults.append(f"{path}: {error.strerror or error}")
    except (EOFError, zlib.error) as error:
        faults.append(f"{path}: damaged gzip file: {error}")
    else:
        return ExampleFile(path.name, sha256(raw).hexdigest(), tuple(_rows(path, content, faults)))
    return ExampleFile(path.name, "", ())


def _rows(path: Path, content: bytes, faults: list[str]) -> Iterator[Example]:
    # Prompts hold U+2028 and the like, at which str.splitlines would break a row in two.
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line, type=_Row)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            faults.append(f"{path}:{number}: {error}")
        else:
            name = f"{path.name}:{number}" if row.id is None else str(row.id)
            yield Example(name, row.text, row.category)


def _shortened(faults: Sequence[str]) -> Sequence[str]:
    if len(faults) <= _FAULTS_SHOWN:
        return faults
    return [*faults[:_FAULTS_SHOWN], f"and {len(faults) - _FAULTS_SHOWN} more bad rows"]
