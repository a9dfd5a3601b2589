"""Labelled prompts, from the files in which people keep them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.example_formats import READERS, YAML, json_lines
from semrouter_extproc.workbench.files import read_content, shortened


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
        raise ConfigError("examples", shortened(faults))
    return tuple(files)


def _files(path: Path, faults: list[str]) -> Iterable[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if file.suffix in YAML)
    if not found:
        faults.append(f"{path}: a folder must hold a YAML file for each category, and holds none")
    return found


def _read(path: Path, faults: list[str]) -> ExampleFile:
    content = read_content(path, faults)
    if content is None:
        return ExampleFile(path.name, "", ())
    return ExampleFile(path.name, content.digest, tuple(_rows(path, content.raw, faults)))


def _rows(path: Path, content: bytes, faults: list[str]) -> Iterator[Example]:
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    for place, row in READERS.get(plain.suffix, json_lines)(content, plain.stem):
        if isinstance(row, str):
            faults.append(f"{path}:{place}: {row}" if place else f"{path}: {row}")
        else:
            name = f"{path.name}:{place}" if row.id is None else str(row.id)
            yield Example(name, row.text, row.category)
