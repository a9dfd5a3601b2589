"""Labelled prompts, from the files in which people keep them."""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.example_formats import READERS, YAML, json_lines

_GZIP_MAGIC: Final = b"\x1f\x8b"
_FAULTS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt and the category it belongs to. `id` is its own, or `file:line`.

    An example in YAML is called by its number, not by its line.
    """

    id: str
    text: str
    category: str


@dataclass(frozen=True, slots=True)
class ExampleFile:
    """The rows of one file. `digest` is the SHA-256 of its bytes as they lie on disk."""

    name: str
    digest: str
    examples: tuple[Example, ...]


def read_examples(paths: Iterable[Path]) -> tuple[ExampleFile, ...]:
    """Read every row of JSON Lines and CSV, plain or gzipped, and of folders of YAML.

    Raises ConfigError that names each bad row as `file:line`. No row is left out.
    """
    faults: list[str] = []
    files = [_read(file, faults) for path in paths for file in _files(path, faults)]
    if faults:
        raise ConfigError("examples", _shortened(faults))
    return tuple(files)


def _files(path: Path, faults: list[str]) -> Iterable[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if file.suffix in YAML)
    if not found:
        faults.append(f"{path}: a folder must hold a YAML file for each category, and holds none")
    return found


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
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    for place, row in READERS.get(plain.suffix, json_lines)(content, plain.stem):
        if isinstance(row, str):
            faults.append(f"{path}:{place}: {row}" if place else f"{path}: {row}")
        else:
            name = f"{path.name}:{place}" if row.id is None else str(row.id)
            yield Example(name, row.text, row.category)


def _shortened(faults: Sequence[str]) -> Sequence[str]:
    if len(faults) <= _FAULTS_SHOWN:
        return faults
    return [*faults[:_FAULTS_SHOWN], f"and {len(faults) - _FAULTS_SHOWN} more bad rows"]
