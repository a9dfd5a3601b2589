"""Write a decision into a body; every member that is not ours keeps its exact bytes."""

from collections.abc import Mapping

import msgspec

from semrouter_extproc.core.body import encoded
from semrouter_extproc.core.reasoning import Path
from semrouter_extproc.core.request import Request
from semrouter_extproc.core.wording import (
    NO_WORDS,
    SystemPrompt,
    with_system_prompt,
    with_user_command,
)


class Changes(msgspec.Struct, frozen=True):
    """What is to change in a body.

    `members` are written, `removed` are taken out. `system_prompt` frames what the client
    wrote there, `user_command` ends the last user turn.
    """

    members: Mapping[Path, object]
    removed: frozenset[Path] = frozenset()
    system_prompt: SystemPrompt = NO_WORDS
    user_command: str = ""


def rewrite(request: Request, changes: Changes) -> bytes:
    """Return the body of `request` with `changes` made to it.

    A member that exists keeps its place, a new one goes to the end. White space between
    top-level members is not kept.
    """
    members = dict(request.members)
    _write_plain(members, changes)
    for name in _objects(changes):
        if found := _object(request, name, changes):
            members[name] = encoded(found)
        else:
            members.pop(name, None)  # nothing is left of it
    if changes.system_prompt != NO_WORDS:
        members |= with_system_prompt(members, request.api.shape, changes.system_prompt)
    if changes.user_command:
        members |= with_user_command(members, request.api.shape, changes.user_command)
    return msgspec.json.encode(members)


def _write_plain(members: dict[str, msgspec.Raw], changes: Changes) -> None:
    for name, *inner in changes.removed:
        if not inner:
            members.pop(name, None)
    for (name, *inner), value in changes.members.items():
        if not inner:
            members[name] = encoded(value)


def _objects(changes: Changes) -> list[str]:
    """Name the members whose own members change, each once."""
    paths = [*changes.members, *changes.removed]
    return list(dict.fromkeys(name for name, *inner in paths if inner))


def _object(request: Request, name: str, changes: Changes) -> Mapping[str, msgspec.Raw]:
    found = {} if (name,) in changes.removed else dict(request.object(name) or {})
    for parent, *inner in changes.removed:
        if parent == name and inner:
            found.pop(inner[0], None)
    for (parent, *inner), value in changes.members.items():
        if parent == name and inner:
            found[inner[0]] = encoded(value)
    return found
