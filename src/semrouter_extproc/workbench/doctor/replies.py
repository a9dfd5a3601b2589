"""What comes back from a server, read without trust: any bytes are some reply."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeAlias

import msgspec

_LONGEST_MESSAGE: Final = 160
_OPENING, _CLOSING = "<think>", "</think>"


@dataclass(frozen=True, slots=True)
class Answer:
    """A chat completion.

    `prompt` are the tokens that the prompt was rendered to, empty where the server does not
    tell, and `prompt_tokens` their number. `thinks` says that a thinking part was seen.
    """

    prompt: tuple[int, ...] = ()
    prompt_tokens: int | None = None
    thinks: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """The server will not answer; `message` is its own."""

    status: int
    message: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Nobody answers, and why."""

    message: str


@dataclass(frozen=True, slots=True)
class Nonsense:
    """Something answers, but with no chat completion."""

    message: str


Reply: TypeAlias = Answer | Refusal | Silence | Nonsense


def read_reply(status: int, body: bytes) -> Reply:
    """Read the answer to a chat completion."""
    document = _document(body)
    if status != HTTPStatus.OK:
        return Refusal(status, _complaint(document) or _line(body.decode(errors="replace")))
    message = _at(document, "choices", 0, "message")
    if isinstance(message, dict):
        return Answer(_prompt(document), _prompt_tokens(document), _thinks(document, message))
    if complaint := _complaint(document):
        return Refusal(status, complaint)
    return Nonsense(f"no chat completion: {_line(body.decode(errors='replace')) or 'nothing'}")


def read_names(status: int, body: bytes) -> frozenset[str] | None:
    """Read a list of models, None for anything else."""
    entries = _at(_document(body), "data")
    if status != HTTPStatus.OK or not isinstance(entries, list):
        return None
    names = (_at(entry, "id") for entry in entries)
    return frozenset(name for name in names if isinstance(name, str))


def _document(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None


def _at(document: object, *steps: str | int) -> object:
    """Return what stands in `document` at `steps`, None where the way ends before."""
    for step in steps:
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and isinstance(step, int) and step < len(document):
            document = document[step]
        else:
            return None
    return document


def _prompt(document: object) -> tuple[int, ...]:
    found = _at(document, "prompt_token_ids")
    if not isinstance(found, list) or not all(type(token) is int for token in found):
        return ()
    return tuple(found)


def _prompt_tokens(document: object) -> int | None:
    found = _at(document, "usage", "prompt_tokens")
    return found if type(found) is int else None


def _thinks(document: object, message: object) -> bool:
    parts = (_at(message, "reasoning"), _at(message, "reasoning_content"))
    hidden = _at(document, "usage", "completion_tokens_details", "reasoning_tokens")
    return (
        any(isinstance(part, str) and part.strip() for part in parts)
        or (type(hidden) is int and hidden > 0)
        or _thinks_aloud(_at(message, "content"))
    )


def _thinks_aloud(content: object) -> bool:
    """Say whether a text begins with a thought; templates often write its opening themselves."""
    if not isinstance(content, str):
        return False
    thought, closed, _ = content.partition(_CLOSING)
    opened = thought.lstrip().startswith(_OPENING)
    return bool((opened or closed) and thought.replace(_OPENING, "", 1).strip())


def _complaint(document: object) -> str:
    """Return the message of an error as OpenAI, Ollama or FastAPI write it, "" without one."""
    for path in (("error", "message"), ("error",), ("message",), ("detail",)):
        found = _at(document, *path)
        if isinstance(found, str) and found:
            return _line(found)
    return ""


def _line(text: str) -> str:
    """Return `text` as one short line that no terminal obeys."""
    shown = "".join(each if each.isprintable() else " " for each in text[: 10 * _LONGEST_MESSAGE])
    line = " ".join(shown.split())
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]}…"
