"""Read a chat completion: decode what the router needs, keep every byte of the rest."""

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from semrouter_extproc.core.reasoning import INTENT_MEMBERS, INTENT_TEMPLATE_KWARGS
from semrouter_extproc.errors import MalformedRequest

TEMPLATE_KWARGS: Final = "chat_template_kwargs"
"""The member whose own members reach the model's chat template."""


class Part(msgspec.Struct, frozen=True):
    """One part of a message's content; only text parts have a usable `text`."""

    text: Any = None


class Message(msgspec.Struct, frozen=True):
    """One turn of the conversation."""

    role: str = ""
    content: str | list[Part | str] | None = None


class ChatRequest(msgspec.Struct, frozen=True):
    """A chat completion as the client sent it.

    `members` are the top-level members with the exact bytes of each value, in their order;
    `template_kwargs` are those inside `chat_template_kwargs`.
    """

    members: Mapping[str, msgspec.Raw]
    template_kwargs: Mapping[str, msgspec.Raw]
    model: str
    messages: list[Message]

    @property
    def decides_reasoning(self) -> bool:
        """Whether a parameter of the request says how the model should reason."""
        return not (
            INTENT_MEMBERS.isdisjoint(self._spoken(self.members))
            and INTENT_TEMPLATE_KWARGS.isdisjoint(self._spoken(self.template_kwargs))
        )

    @staticmethod
    def _spoken(members: Mapping[str, msgspec.Raw]) -> set[str]:
        # Client libraries send null for a parameter that nobody set.
        return {name for name, value in members.items() if not _is_null(value)}


def parse(body: bytes) -> ChatRequest:
    """Read `body`, raising `MalformedRequest` where every server would refuse it.

    Of duplicate members the last wins, as it does in vLLM.
    """
    try:
        members = _members(body)
    except (ValueError, RecursionError) as error:
        raise MalformedRequest(f"the body is no JSON object: {error}") from None
    return ChatRequest(
        members=members,
        template_kwargs=_nested(members, TEMPLATE_KWARGS),
        model=_decode(members, "model", str) or "",
        messages=_decode(members, "messages", list[Message]) or [],
    )


def _members(body: bytes) -> dict[str, msgspec.Raw]:
    """Return the members of a JSON object, or raise `ValueError` or `RecursionError`."""
    try:
        return msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _lenient_members(body)


def _lenient_members(body: bytes) -> dict[str, msgspec.Raw]:
    """Read what Python's own parser takes and msgspec does not.

    NaN, lone surrogates, a byte order mark and UTF-16 all reach vLLM's `json.loads`
    unharmed, so refusing to read them here would be a way around the router.
    """
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError("it is something else")  # noqa: TRY004 - as any other bad value
    for name in document:
        name.encode()  # a name with a lone surrogate cannot be written again
    return {name: msgspec.Raw(json.dumps(value).encode()) for name, value in document.items()}


def _nested(members: Mapping[str, msgspec.Raw], name: str) -> dict[str, msgspec.Raw]:
    """Return the members of a member, which may be absent or null."""
    raw = members.get(name)
    if raw is None or _is_null(raw):
        return {}
    try:
        return _members(bytes(raw))
    except (ValueError, RecursionError) as error:
        raise MalformedRequest(f"`{name}` is not as the API defines it: {error}") from None


_T = TypeVar("_T")


def _decode(members: Mapping[str, msgspec.Raw], name: str, kind: type[_T]) -> _T | None:
    """Return a member as `kind`, or None where it is absent or null."""
    raw = members.get(name)
    if raw is None or _is_null(raw):
        return None
    try:
        return _typed(bytes(raw), kind)
    except (ValueError, RecursionError) as error:
        raise MalformedRequest(f"`{name}` is not as the API defines it: {error}") from None


def _is_null(raw: msgspec.Raw) -> bool:
    return len(memoryview(raw)) == len(b"null") and bytes(raw) == b"null"


def _typed(raw: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.convert(json.loads(raw), type=kind)
