"""Put words into a prompt: around the system prompt, or after the last user turn.

Only the one text that gets them is written anew; every other turn keeps its exact bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from semrouter_extproc.core.apis import Shape
from semrouter_extproc.core.body import Members, decode, encoded, spoken

_SYSTEM_MEMBER: Final = {Shape.INPUT: "instructions", Shape.BLOCKS: "system"}
_TURNS_MEMBER: Final = {
    Shape.MESSAGES: "messages",
    Shape.BLOCKS: "messages",
    Shape.INPUT: "input",
}
_TEXT_PART: Final = {Shape.MESSAGES: "text", Shape.BLOCKS: "text", Shape.INPUT: "input_text"}
_SYSTEM_ROLES: Final = ("system", "developer")


@dataclass(frozen=True, slots=True)
class SystemPrompt:
    """Text for the system prompt, before and after what the client wrote there."""

    prepend: str = ""
    append: str = ""


NO_WORDS: Final = SystemPrompt()


def with_system_prompt(members: Members, shape: Shape, added: SystemPrompt) -> Members:
    """Return the member that holds the system prompt, framed by `added`."""
    if shape is Shape.MESSAGES:
        return {"messages": encoded(_with_system_turn(_turns(members, "messages"), added))}
    name = _SYSTEM_MEMBER[shape]
    return {name: _framed(spoken(members, name), added, shape)}


def with_user_command(members: Members, shape: Shape, command: str) -> Members:
    """Return the member that holds the turns, with `command` at the end of the last user's."""
    name = _TURNS_MEMBER[shape]
    ending = SystemPrompt(append=command)
    if shape is Shape.INPUT and isinstance(text := decode(members, name, Any), str):
        return {name: encoded(_frame_text(text, ending))}
    turns = _turns(members, name)
    for index in reversed(range(len(turns))):
        turn = decode({name: turns[index]}, name, dict[str, msgspec.Raw]) or {}
        if _is_users(turn):
            turn["content"] = _framed(spoken(turn, "content"), ending, shape)
            turns[index] = encoded(turn)
            break
    return {name: encoded(turns)}


def _with_system_turn(turns: list[msgspec.Raw], added: SystemPrompt) -> Sequence[msgspec.Raw]:
    first = decode({"messages": turns[0]}, "messages", dict[str, msgspec.Raw]) if turns else None
    if first and _role(first) in _SYSTEM_ROLES:
        first["content"] = _framed(spoken(first, "content"), added, Shape.MESSAGES)
        return [encoded(first), *turns[1:]]
    content = _framed(None, added, Shape.MESSAGES)
    return [encoded({"role": "system", "content": content}), *turns]


def _framed(content: msgspec.Raw | None, added: SystemPrompt, shape: Shape) -> msgspec.Raw:
    """Put words before and after a text, or parts before and after a list of parts."""
    held = {} if content is None else {"content": content}
    found = decode(held, "content", Any)
    if isinstance(found, list):
        parts = decode(held, "content", list[msgspec.Raw])
        kind = _TEXT_PART[shape]
        before, after = (
            [encoded({"type": kind, "text": text})] if text else []
            for text in (added.prepend, added.append)
        )
        return encoded([*before, *parts, *after])
    return encoded(_frame_text(found or "", added))


def _frame_text(text: str, added: SystemPrompt) -> str:
    return "\n\n".join(part for part in (added.prepend, text, added.append) if part)


def _turns(members: Members, name: str) -> list[msgspec.Raw]:
    return decode(members, name, list[msgspec.Raw]) or []


def _role(turn: Members) -> object:
    return decode(turn, "role", object)


def _is_users(turn: Members) -> bool:
    content = decode(turn, "content", Any)
    results = isinstance(content, list) and any(
        isinstance(part, dict) and part.get("type") == "tool_result" for part in content
    )
    return _role(turn) == "user" and bool(content) and not results
