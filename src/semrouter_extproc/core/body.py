"""JSON objects by their members: what is not decoded keeps its exact bytes."""

import json
from collections.abc import Mapping
from functools import lru_cache
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
        return _MEMBERS.decode(document)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _lenient_members(document)


def spoken(members: Members, name: str) -> msgspec.Raw | None:
    """Return a member, or None where it is absent or null.

    Client libraries send null for what nobody set.
    """
    raw = members.get(name)
    return None if raw == _NULL else raw


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
    try:
        return _ANYTHING.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return decode({"member": raw}, "member", Any)


def encoded(value: object) -> msgspec.Raw:
    """Return `value` as a member."""
    try:
        return msgspec.Raw(msgspec.json.encode(value))
    except UnicodeEncodeError:
        return msgspec.Raw(json.dumps(value).encode())  # a lone surrogate


_NULL: Final = msgspec.Raw(b"null")
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANYTHING: Final = msgspec.json.Decoder(Any)
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


# Reading a type costs more than reading most members.
_decoder: Final = lru_cache(msgspec.json.Decoder)


def _typed(raw: bytes, kind: Any) -> Any:
    try:
        return _decoder(kind).decode(raw)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.convert(json.loads(raw), type=kind)
