"""Splice new members into a body; every member that is not ours keeps its exact bytes."""

from collections.abc import Mapping

import msgspec

from semrouter_extproc.core.chat import ChatRequest
from semrouter_extproc.core.reasoning import Edits


def rewrite(request: ChatRequest, edits: Edits) -> bytes:
    """Return the body of `request` with `edits` written into it.

    A member that exists keeps its place, a new one goes to the end. White space between
    top-level members is not kept.
    """
    members = dict(request.members)
    nested: dict[str, dict[str, msgspec.Raw]] = {}
    for path, value in edits.items():
        encoded = msgspec.Raw(msgspec.json.encode(value))
        match path:
            case (name,):
                members[name] = encoded
            case (parent, name):
                nested.setdefault(parent, _children(members, parent))[name] = encoded
    members |= {parent: msgspec.Raw(msgspec.json.encode(inner)) for parent, inner in nested.items()}
    return msgspec.json.encode(members)


def _children(members: Mapping[str, msgspec.Raw], parent: str) -> dict[str, msgspec.Raw]:
    raw = members.get(parent)
    if raw is None:
        return {}
    return msgspec.json.decode(raw, type=dict[str, msgspec.Raw] | None) or {}
