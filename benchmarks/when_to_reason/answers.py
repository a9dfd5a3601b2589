"""Every answer as a line of a file, so that a run can stop anywhere and go on."""

import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.backend.cache import digest

_CUT: Final = "length"


class Way(StrEnum):
    """How a question is asked. The value is its name for people."""

    ALWAYS_ON = "always on"
    ALWAYS_OFF = "always off"
    ROUTED = "routed"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that answers depend on, beside question and way.

    `server` is the address of the model's server, None for the small model on this machine.
    `prompt` changes with the wording, `router` with its centroids and its version.
    """

    model: str
    dialect: str
    server: str | None
    max_tokens: int
    concurrency: int
    prompt: str
    router: str

    @property
    def key(self) -> str:
        """16 hexadecimal digits that differ when any setting does."""
        return digest(msgspec.json.encode(self).decode())


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, and what it cost.

    `reasoning` and `reason` are the router's word on what it asked of the model, and why;
    `said` is the text after the thoughts. `first_token` and `seconds` count from the request
    on, to the first piece of text and to the end; `finish` is the server's reason to stop.
    """

    question: str
    way: Way
    settings: str
    at: float
    reasoning: Reasoning
    reason: str
    category: str | None
    tokens: int
    first_token: float
    seconds: float
    finish: str
    said: str

    @property
    def truncated(self) -> bool:
        """Whether the answer ran into its limit."""
        return self.finish == _CUT


Asked = tuple[str, Way]
"""What makes an answer the only one of its settings: the question's id, and the way."""


class Ledger:
    """The answers in a file of JSON Lines, which grows by a line at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def answers(self, settings: Settings) -> dict[Asked, Answer]:
        """Return what was answered under `settings`.

        A last line without an end, as a power cut leaves it, does not count. Raises ConfigError
        that names another bad line as `file:line`.
        """
        *lines, _ = self._content().split(b"\n")
        answers = (self._decoded(line, number) for number, line in enumerate(lines, start=1))
        return {
            (each.question, each.way): each for each in answers if each.settings == settings.key
        }

    def append(self, answer: Answer) -> None:
        """Write a line, and have it on the disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(msgspec.json.encode(answer) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def drop_torn_line(self) -> None:
        """Cut off a last line without an end, so that the next one does not join it."""
        content = self._content()
        if torn := len(content) - (content.rfind(b"\n") + 1):
            os.truncate(self.path, len(content) - torn)

    def _content(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise ConfigError("--out", [f"{self.path}: {error.strerror or error}"]) from None

    def _decoded(self, line: bytes, number: int) -> Answer:
        try:
            return msgspec.json.decode(line, type=Answer)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ConfigError(
                "--out", [f"{self.path}:{number}: {error}; remove the line"]
            ) from None


def to_ask(ids: Sequence[str], known: dict[Asked, Answer]) -> list[Asked]:
    """Return what is not yet answered, question by question.

    The ways take turns in going first: whoever does reads the prompt for the cache of the
    server, and the others find it there.
    """
    ways = list(Way)
    turns = [ways[first:] + ways[:first] for first in range(len(ways))]
    asked = [(name, way) for at, name in enumerate(ids) for way in turns[at % len(turns)]]
    return [each for each in asked if each not in known]
