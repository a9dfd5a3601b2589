"""Splice new members into a body; every member that is not ours keeps its exact bytes."""

import msgspec

from semrouter_extproc.core.chat import TEMPLATE_KWARGS, ChatRequest
from semrouter_extproc.core.reasoning import Edits


def rewrite(request: ChatRequest, edits: Edits) -> bytes:
    """Return the body of `request` with `edits` written into it.

    A member that exists keeps its place, a new one goes to the end. White space between
    top-level members is not kept.
    """
    members, template_kwargs = dict(request.members), dict(request.template_kwargs)
    for (*parents, name), value in edits.items():
        target = template_kwargs if parents else members
        target[name] = msgspec.Raw(msgspec.json.encode(value))
    if any(len(path) > 1 for path in edits):
        members[TEMPLATE_KWARGS] = msgspec.Raw(msgspec.json.encode(template_kwargs))
    return msgspec.json.encode(members)
