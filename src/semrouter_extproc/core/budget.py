"""The guard against answers that are billed and empty, since thinking took every token."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from semrouter_extproc.core.models import Model, Remedy
from semrouter_extproc.core.needs import answer_limit, limiting_member, prompt_tokens
from semrouter_extproc.core.reasoning import Dialect, Path, Reasoning
from semrouter_extproc.core.request import Request


@dataclass(frozen=True, slots=True)
class Guarded:
    """A level for which the client left enough tokens, and the members that see to it.

    `acted` says that something had to be done.
    """

    level: Reasoning
    acted: bool = False
    members: Mapping[Path, object] = field(default_factory=lambda: MappingProxyType({}))


def guarded(request: Request, model: Model, level: Reasoning) -> Guarded:
    """Guard an answer of `model` at `level`, one that its dialect can say."""
    dialect, rule, limit = model.dialects[request.api], model.short_budget, answer_limit(request)
    granted = _granted(dialect, level)
    needed = max(rule.below, granted + 1)
    if not level.thinks or limit is None or not 0 < limit < needed:
        return Guarded(level)
    raised = _raised(request, model, limit, needed)
    name = limiting_member(request)
    if rule.then is Remedy.RAISE and raised >= needed and name is not None:
        return Guarded(level, acted=True, members={(name,): raised})
    if rule.then is Remedy.LIMIT and dialect.budget and limit // 2 >= dialect.least_budget:
        half = min(limit // 2, granted if granted > 0 else limit)
        return Guarded(level, acted=True, members={dialect.budget: half})
    weakest = dialect.nearest(Reasoning.OFF)
    return Guarded(weakest, acted=weakest is not level)


def _granted(dialect: Dialect, level: Reasoning) -> int:
    """Return the tokens of thinking that the level itself grants, -1 where it sets no bound."""
    granted = dialect.spell(level).members.get(dialect.budget) if dialect.budget else None
    return granted if isinstance(granted, int) else -1


def _raised(request: Request, model: Model, limit: int, needed: int) -> int:
    """Return the limit with what thinking needs on top, as far as the cap and the context go."""
    raised = min(limit + needed, model.short_budget.cap)
    if model.context is None:
        return raised
    return min(raised, model.context - prompt_tokens(request))
