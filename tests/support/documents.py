"""The fenced blocks of the documents, and the commands in them."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
BASH = shutil.which("bash") or "/bin/bash"

_FOLDERS = ("docs", "deploy")
_FILES = ("README.md", "CONTRIBUTING.md", "benchmarks/README.md")
_FENCE = re.compile(r"^ *```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SHELL = ("", "sh", "bash", "console", "shell")


class Block(NamedTuple):
    """A fenced block; `document` is a path from the root."""

    document: str
    language: str
    text: str


def documents() -> list[str]:
    """Return the path of every document."""
    found = (each for folder in _FOLDERS for each in (ROOT / folder).glob("**/*.md"))
    return [*_FILES, *sorted(str(each.relative_to(ROOT)) for each in found)]


def blocks(*languages: str) -> list[Block]:
    """Return every block in one of `languages`."""
    return [
        Block(document, match["language"], dedent(match["text"]))
        for document in documents()
        for match in _FENCE.finditer((ROOT / document).read_text())
        if match["language"] in languages
    ]


def commands() -> dict[str, list[str]]:
    """Return the shell commands of each document that has some, in their order."""
    found: dict[str, list[str]] = {}
    for block in blocks(*_SHELL):
        found.setdefault(block.document, []).extend(_commands_in(block.text))
    return found


def plain(command: str) -> str:
    """Return a command on one line, without the comments behind it."""
    joined = re.sub(r"\s{2,}#.*$", "", command.replace("\\\n", " "), flags=re.MULTILINE)
    return " ".join(joined.split())


def _commands_in(text: str) -> Iterator[str]:
    """Split a block where bash would run what it has read so far."""
    pending = ""
    for line in text.splitlines(keepends=True):
        if not pending and line.lstrip().startswith(("#", "\n")):
            continue
        pending += line
        if _is_complete(pending):
            yield pending.strip()
            pending = ""
    assert not pending.strip(), f"no end of: {pending}"


def _is_complete(text: str) -> bool:
    if text.rstrip("\n").endswith("\\"):
        return False
    # An open here-document is but a warning.
    read = subprocess.run([BASH, "-n", "-c", text], capture_output=True, check=False)
    return read.returncode == 0 and not read.stderr
