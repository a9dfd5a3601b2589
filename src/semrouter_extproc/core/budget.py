"""The guard against answers that are billed and empty, since thinking took every token."""

from collections.abc import Mapping

import msgspec

from semrouter_extproc.core.models import Model, Remedy
from semrouter_extproc.core.needs import limiting_member, prompt_tokens, whole_number
from semrouter_extproc.core.reasoning import Dialect, Path, Reasoning
from semrouter_extproc.core.request import Request


class Guarded(msgspec.Struct, frozen=True):
    """A level for which the client left enough tokens, and the members that see to it.

    `acted` says that something had to be done.
    """

    level: Reasoning
    acted: bool = False
    members: Mapping[Path, object] = {}


def guarded(request: Request, model: Model, level: Reasoning) -> Guarded:
    """Guard an answer of `model` at `level`, one that its dialect can say."""
    if not level.thinks:
        return Guarded(level)
    name = limiting_member(request)
    limit = None if name is None else whole_number(request.members[name])
    if name is None or limit is None or limit < 1:
        return Guarded(level)
    dialect, rule = model.dialects[request.api], model.short_budget
    raised = _raised(request, model, limit) if limit < rule.below else limit
    if raised < rule.below and rule.then is not Remedy.LIMIT:
        return _given_up(dialect, level)
    members: dict[Path, object] = {(name,): raised} if raised != limit else {}
    granted = _granted(dialect, level)
    if raised < rule.below or granted >= raised:
        bound = min(raised // 2, granted if granted > 0 else raised)
        if dialect.budget is None or bound < dialect.least_budget:
            return _given_up(dialect, level)
        members[dialect.budget] = bound
    return Guarded(level, acted=bool(members), members=members)


def _given_up(dialect: Dialect, level: Reasoning) -> Guarded:
    """Leave thinking off, or as weak as the family can."""
    weakest = dialect.nearest(Reasoning.OFF)
    return Guarded(weakest, acted=weakest is not level)


def _granted(dialect: Dialect, level: Reasoning) -> int:
    """Return the tokens of thinking that the level itself grants, -1 where it sets no bound."""
    granted = dialect.spell(level).members.get(dialect.budget) if dialect.budget else None
    return granted if isinstance(granted, int) else -1


def _raised(request: Request, model: Model, limit: int) -> int:
    """Return the limit with what thinking needs on top, as far as the cap and the context go.

    It stays as it is where another remedy is wanted, or where there is no room.
    """
    rule = model.short_budget
    if rule.then is not Remedy.RAISE:
        return limit
    raised = min(limit + rule.below, rule.cap)
    if model.context is not None:
        raised = min(raised, model.context - prompt_tokens(request))
    return max(raised, limit)
