"""The text that says what a conversation is about."""

from collections.abc import Iterable, Sequence

from semrouter_extproc.core.chat import Message, Part
from semrouter_extproc.core.reasoning import INTENT_WORDS


def last_user_text(messages: Sequence[Message]) -> str:
    """Return the last user turn that has text, or "" in a conversation without one.

    Inside a tool loop the last turns are the assistant's and the tool's: the question that
    started the loop still decides.
    """
    user_texts = (_text(turn) for turn in reversed(messages) if turn.role == "user")
    return next((text for text in user_texts if text and not text.isspace()), "")


def prompt_of(text: str, *, max_chars: int) -> str:
    """Return at most `max_chars` characters of `text`, in a form that any tokenizer takes."""
    # A lone surrogate is legal in JSON and in Python, but not in UTF-8.
    return text.strip()[:max_chars].encode("utf-8", "replace").decode()


def commands_reasoning(text: str) -> bool:
    """Say whether the user typed a reasoning command, such as `/no_think`."""
    suspicious = any(word in text for word in INTENT_WORDS)
    return suspicious and not INTENT_WORDS.isdisjoint(text.split())


def _text(message: Message) -> str:
    content = message.content or ""
    return content if isinstance(content, str) else "\n".join(_part_texts(content))


def _part_texts(parts: Iterable[Part | str]) -> Iterable[str]:
    for part in parts:
        text = part if isinstance(part, str) else part.text
        if isinstance(text, str):
            yield text
