"""The conversation in a body, in one form for all APIs."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from semrouter_extproc.core.apis import Shape
from semrouter_extproc.core.body import Members, decode, spoken
from semrouter_extproc.errors import MalformedRequest

SYSTEM: Final = "system"
USER: Final = "user"
ASSISTANT: Final = "assistant"
TOOL: Final = "tool"

TOKENS: Final = re.compile(rb"\[[\[\s]*\d")
"""How a prompt begins that is tokens already."""

_IMAGES: Final = frozenset({"image", "image_url", "input_image", "video_url"})


class Turn(msgspec.Struct, frozen=True):
    """One turn: who speaks, and the text of it, "" where there is none.

    `role` is system (a developer's turn too), user, assistant or tool. `image` says that there
    is something to look at.
    """

    role: str
    text: str
    image: bool = False


def turns_of(members: Members, shape: Shape) -> Sequence[Turn]:
    """Read the conversation of a body; raises `MalformedRequest` for what is none."""
    return list(_READERS[shape](members))


class _Part(msgspec.Struct, frozen=True):
    """One part of a turn's content; only text parts have a usable `text`.

    `content` is what a tool gave back, in Anthropic's API.
    """

    type: Any = None
    text: Any = None
    content: Any = None


_Content: TypeAlias = str | list[_Part | str] | None


class _Message(msgspec.Struct, frozen=True):
    role: str = ""
    content: _Content = None


class _Item(msgspec.Struct, frozen=True):
    """An item of a response's input: a message, or something that a tool or the model did."""

    type: Any = None
    role: Any = None
    content: Any = None
    output: Any = None


def _messages(members: Members) -> Iterable[Turn]:
    for message in decode(members, "messages", list[_Message]) or []:
        yield _turn(_ROLES.get(message.role, message.role), message.content)


def _blocks(members: Members) -> Iterable[Turn]:
    """Read Anthropic's messages, where the results of tools come as turns of the user."""
    if system := decode(members, "system", _Content):
        yield _turn(SYSTEM, system)
    for message in decode(members, "messages", list[_Message]) or []:
        turn = _turn(message.role, message.content)
        only_results = not turn.text and _has(message.content, {"tool_result"})
        yield Turn(TOOL, "", image=turn.image) if only_results else turn


def _input(members: Members) -> Iterable[Turn]:
    if instructions := decode(members, "instructions", str):
        yield Turn(SYSTEM, instructions)
    found = decode(members, "input", str | list[_Item]) or []
    if isinstance(found, str):
        yield Turn(USER, found)
        return
    for item in found:
        if item.type in (None, "message"):
            role = item.role if isinstance(item.role, str) else ""
            yield _turn(_ROLES.get(role, role), _content_of(item))
        else:
            role = TOOL if str(item.type).endswith("_output") else ASSISTANT
            yield Turn(role, "", image=_shows(item.output))


def _content_of(item: _Item) -> _Content:
    if isinstance(item.content, str):
        return item.content
    try:
        content: _Content = msgspec.convert(item.content, _Content)
    except msgspec.ValidationError as error:
        raise MalformedRequest(f"`input` is not as the API defines it: {error}") from None
    return content


def _prompt(members: Members) -> Iterable[Turn]:
    """Read a prompt: a text, several, or tokens, which nothing here can read."""
    raw = spoken(members, "prompt")
    if raw is not None and TOKENS.match(raw):
        yield Turn(USER, "")
        return
    found = decode(members, "prompt", str | list[Any]) or []
    texts = [found] if isinstance(found, str) else [part for part in found if isinstance(part, str)]
    yield Turn(USER, "\n".join(texts))


_READERS: Final[Mapping[Shape, Callable[[Members], Iterable[Turn]]]] = {
    Shape.MESSAGES: _messages,
    Shape.BLOCKS: _blocks,
    Shape.INPUT: _input,
    Shape.PROMPT: _prompt,
}

_ROLES: Final = {"developer": SYSTEM, "function": TOOL}


def _turn(role: str, content: _Content) -> Turn:
    if not content:
        return Turn(role, "")
    if isinstance(content, str):
        return Turn(role, content)
    return Turn(role, "\n".join(_texts(content)), image=any(map(_is_image, content)))


def _texts(parts: Iterable[_Part | str]) -> Iterable[str]:
    for part in parts:
        text = part if isinstance(part, str) else part.text
        if isinstance(text, str):
            yield text


def _has(content: _Content, kinds: Collection[str]) -> bool:
    if not content or isinstance(content, str):
        return False
    return any(isinstance(part, _Part) and _kind(part.type) in kinds for part in content)


def _is_image(part: _Part | str) -> bool:
    return isinstance(part, _Part) and (_kind(part.type) in _IMAGES or _shows(part.content))


def _shows(result: object) -> bool:
    """Say whether there is an image in what a tool gave back."""
    return isinstance(result, list) and any(
        isinstance(part, dict) and _kind(part.get("type")) in _IMAGES for part in result
    )


def _kind(value: object) -> str:
    return value if isinstance(value, str) else ""
