"""Read a request: decode what the router needs, keep every byte of the rest."""

from collections.abc import Sequence
from typing import Final

import msgspec

from semrouter_extproc.core.apis import Api
from semrouter_extproc.core.body import Members, decode, members_of, spoken
from semrouter_extproc.core.conversation import Turn, turns_of
from semrouter_extproc.core.reasoning import Path
from semrouter_extproc.errors import MalformedRequest

TEMPLATE_KWARGS: Final = "chat_template_kwargs"
"""The member whose own members reach the model's chat template."""


class Request(msgspec.Struct, frozen=True):
    """A request for a generation, as the client sent it.

    `members` are the top-level members with the exact bytes of each value, in their order.
    `model` is "" where none is named. `objects` remembers the members of members that were
    asked for.
    """

    api: Api
    members: Members
    model: str
    turns: Sequence[Turn]
    objects: dict[str, Members | None] = {}

    def member(self, path: Path) -> msgspec.Raw | None:
        """Return the member at `path`, or None where it is absent or null."""
        name, *inner = path
        if name not in self.members:
            return None
        if not inner:
            return spoken(self.members, name)
        return spoken(self.object(name) or {}, inner[0])

    def object(self, name: str) -> Members | None:
        """Return the members of a member; None where it is absent, null or no object."""
        if name not in self.objects:
            self.objects[name] = _object(spoken(self.members, name))
        return self.objects[name]


def _object(raw: msgspec.Raw | None) -> Members | None:
    try:
        return None if raw is None else members_of(bytes(raw))
    except (ValueError, RecursionError):
        return None


def parse(body: bytes, api: Api) -> Request:
    """Read `body`, raising `MalformedRequest` where every server would refuse it."""
    try:
        members = members_of(body)
    except (ValueError, RecursionError) as error:
        raise MalformedRequest(f"the body is no JSON object: {error}") from None
    request = Request(
        api=api,
        members=members,
        model=decode(members, "model", str) or "",
        turns=turns_of(members, api.shape),
    )
    said = api.templated and spoken(members, TEMPLATE_KWARGS) is not None
    if said and request.object(TEMPLATE_KWARGS) is None:
        raise MalformedRequest(f"`{TEMPLATE_KWARGS}` is not as the API defines it: no object")
    return request
