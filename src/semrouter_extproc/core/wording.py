"""Put words into a prompt: around the system prompt, or after the last user turn.

Only the one text that gets them is written anew; every other turn keeps its exact bytes.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from semrouter_extproc.core.apis import Shape
from semrouter_extproc.core.body import (
    Members,
    decode,
    encoded,
    items_of,
    members_of,
    short_value,
    spoken,
)

_SYSTEM_MEMBER: Final = {Shape.INPUT: "instructions", Shape.BLOCKS: "system"}
_TURNS_MEMBER: Final = {
    Shape.MESSAGES: "messages",
    Shape.BLOCKS: "messages",
    Shape.INPUT: "input",
}
_TEXT_PART: Final = {Shape.MESSAGES: "text", Shape.BLOCKS: "text", Shape.INPUT: "input_text"}
_SYSTEM_ROLES: Final = ("system", "developer")


class SystemPrompt(msgspec.Struct, frozen=True):
    """Text for the system prompt, before and after what the client wrote there."""

    prepend: str = ""
    append: str = ""


NO_WORDS: Final = SystemPrompt()


def with_system_prompt(members: Members, shape: Shape, added: SystemPrompt) -> Members:
    """Return the member that holds the system prompt, framed by `added`."""
    if shape is Shape.MESSAGES:
        return {"messages": encoded(_with_system_turn(members, "messages", shape, added))}
    if shape is Shape.INPUT and _begins_with_system(members):
        # Many templates refuse a second system prompt, which instructions would become.
        return {"input": encoded(_with_system_turn(members, "input", shape, added))}
    name = _SYSTEM_MEMBER[shape]
    return {name: _framed(members, name, added, shape)}


def with_user_command(members: Members, shape: Shape, command: str) -> Members:
    """Return the member that holds the turns, with `command` at the end of the last user's."""
    name = _TURNS_MEMBER[shape]
    ending = SystemPrompt(append=command)
    if shape is Shape.INPUT and _is_text(members, name):
        return {name: _framed(members, name, ending, shape)}
    turns = items_of(members, name)
    for index in reversed(range(len(turns))):
        turn = _turn(turns[index])
        if _is_users(turn):
            turn["content"] = _framed(turn, "content", ending, shape)
            turns[index] = encoded(turn)
            return {name: encoded(turns)}
    return {}


def _begins_with_system(members: Members) -> bool:
    if spoken(members, "instructions") is not None or _is_text(members, "input"):
        return False
    items = items_of(members, "input")
    return bool(items) and _role(_turn(items[0])) in _SYSTEM_ROLES


def _with_system_turn(
    members: Members, name: str, shape: Shape, added: SystemPrompt
) -> Sequence[msgspec.Raw]:
    turns = items_of(members, name)
    first = _turn(turns[0]) if turns else {}
    if _role(first) in _SYSTEM_ROLES:
        first["content"] = _framed(first, "content", added, shape)
        return [encoded(first), *turns[1:]]
    content = _framed({}, "content", added, shape)
    return [encoded({"role": "system", "content": content}), *turns]


def _framed(members: Members, name: str, added: SystemPrompt, shape: Shape) -> msgspec.Raw:
    """Put words before and after a text, or parts before and after a list of parts."""
    if spoken(members, name) is None or _is_text(members, name):
        text = decode(members, name, str) or ""
        return encoded(_JOINT.join(filter(None, (added.prepend, text, added.append))))
    kind = _TEXT_PART[shape]
    # Servers put the texts of parts together as they are.
    before = {"type": kind, "text": f"{added.prepend}{_JOINT}"} if added.prepend else None
    after = {"type": kind, "text": f"{_JOINT}{added.append}"} if added.append else None
    parts = [before, *items_of(members, name), after]
    return encoded([part for part in parts if part is not None])


_JOINT: Final = "\n\n"


def _turn(raw: msgspec.Raw) -> dict[str, msgspec.Raw]:
    return members_of(bytes(raw))


def _role(turn: Members) -> object:
    return short_value(turn["role"]) if "role" in turn else None


def _is_text(members: Members, name: str) -> bool:
    raw = spoken(members, name)
    return raw is not None and bytes(memoryview(raw)[:1]) == b'"'


def _is_users(turn: Members) -> bool:
    """Say whether a user speaks in a turn, and not only a tool."""
    if _role(turn) != "user" or spoken(turn, "content") is None:
        return False
    if _is_text(turn, "content"):
        return True
    parts = decode(turn, "content", list[Any]) or []
    kinds = [part.get("type") if isinstance(part, dict) else "text" for part in parts]
    return bool(kinds) and ("tool_result" not in kinds or "text" in kinds)
