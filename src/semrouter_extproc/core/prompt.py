"""The text that says what a conversation is about."""

from collections.abc import Iterable, Sequence

from semrouter_extproc.core.chat import Message, Part
from semrouter_extproc.core.reasoning import INTENT_WORDS


def prompt_of(messages: Sequence[Message], *, max_chars: int) -> str:
    """Return the last user turn that has text, at most `max_chars` characters of it.

    Inside a tool loop the last turns are the assistant's and the tool's: the question that
    started the loop still decides. A conversation without user text gives "".
    """
    for message in reversed(messages):
        if message.role == "user" and (text := _text(message)):
            return text[:max_chars]
    return ""


def commands_reasoning(prompt: str) -> bool:
    """Say whether the user typed a reasoning command, such as `/no_think`."""
    return "/" in prompt and not INTENT_WORDS.isdisjoint(prompt.split())


def _text(message: Message) -> str:
    content = message.content or ""
    text = content if isinstance(content, str) else "\n".join(_part_texts(content))
    # A lone surrogate is legal in JSON and in Python, but no tokenizer takes it.
    return text.encode("utf-8", "replace").decode().strip()


def _part_texts(parts: Iterable[Part | str]) -> Iterable[str]:
    for part in parts:
        text = part if isinstance(part, str) else part.text
        if isinstance(text, str):
            yield text
