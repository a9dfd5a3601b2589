"""JSON objects by their members: what is not decoded keeps its exact bytes."""

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from semrouter_extproc.errors import MalformedRequest

Members = Mapping[str, msgspec.Raw]
"""The members of a JSON object in their order, each with the exact bytes of its value."""


def members_of(document: bytes) -> dict[str, msgspec.Raw]:
    """Return the members of a JSON object, or raise `ValueError` or `RecursionError`.

    Of duplicate members the last wins, as it does in vLLM.
    """
    try:
        if not document.isascii():
            document.decode()  # msgspec passes over what it does not decode
        return msgspec.json.decode(document, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _lenient_members(document)


def is_null(raw: msgspec.Raw) -> bool:
    """Say whether a member is null, which client libraries send for what nobody set."""
    return len(memoryview(raw)) == len(b"null") and bytes(raw) == b"null"


def spoken(members: Members, name: str) -> msgspec.Raw | None:
    """Return a member, or None where it is absent or null."""
    raw = members.get(name)
    return None if raw is None or is_null(raw) else raw


def decode(members: Members, name: str, kind: Any) -> Any:
    """Return a member as the type `kind`, or None where it is absent or null.

    Raises `MalformedRequest`, which names the member, for a value of another kind.
    """
    raw = spoken(members, name)
    if raw is None:
        return None
    try:
        return _typed(bytes(raw), kind)
    except (ValueError, RecursionError) as error:
        raise MalformedRequest(f"`{name}` is not as the API defines it: {error}") from None


def items_of(members: Members, name: str) -> list[msgspec.Raw]:
    """Return the items of a list, each with its exact bytes; none where there is no list."""
    raw = spoken(members, name)
    if raw is None:
        return []
    try:
        return msgspec.json.decode(raw, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = decode(members, name, list[Any])
        return [msgspec.Raw(json.dumps(item).encode()) for item in found]


def short_value(raw: msgspec.Raw) -> Any:
    """Return the value of a member, None for one that is far longer than any switch."""
    if len(memoryview(raw)) > _LONGEST_SWITCH:
        return None
    return decode({"member": raw}, "member", Any)


def encoded(value: object) -> msgspec.Raw:
    """Return `value` as a member."""
    try:
        return msgspec.Raw(msgspec.json.encode(value))
    except UnicodeEncodeError:
        return msgspec.Raw(json.dumps(value).encode())  # a lone surrogate


_LONGEST_SWITCH: Final = 256


def _lenient_members(document: bytes) -> dict[str, msgspec.Raw]:
    """Read what Python's own parser takes and msgspec does not.

    NaN, lone surrogates, a byte order mark and UTF-16 all reach vLLM's `json.loads`
    unharmed, so refusing to read them here would be a way around the router.
    """
    found = json.loads(document)
    if not isinstance(found, dict):
        raise ValueError("it is something else")  # noqa: TRY004 - as any other bad value
    for name in found:
        name.encode()  # a name with a lone surrogate cannot be written again
    return {name: msgspec.Raw(json.dumps(value).encode()) for name, value in found.items()}


def _typed(raw: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.convert(json.loads(raw), type=kind)
