"""From a request and its route to the decision, and to what changes in the body."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from semrouter_extproc.core.conversation import SYSTEM, USER
from semrouter_extproc.core.models import Model, Remedy, first_that_takes
from semrouter_extproc.core.needs import answer_limit, needs_of
from semrouter_extproc.core.policy import Choice, Decision, Reason, Route
from semrouter_extproc.core.prompting import NO_WORDS, SystemPrompt
from semrouter_extproc.core.reasoning import Dialect, Path, Reasoning
from semrouter_extproc.core.request import Request
from semrouter_extproc.core.rewrite import Changes


@dataclass(frozen=True, slots=True)
class Plan:
    """A decision, and what makes the body say it."""

    decision: Decision
    changes: Changes


@dataclass(frozen=True, slots=True)
class _Switch:
    """A level of reasoning that was settled on, with what it takes beside its spelling."""

    level: Reasoning
    reason: Reason
    members: Mapping[Path, object]


def plan(
    request: Request,
    choice: Choice,
    wish: Reasoning | None,
    models: Mapping[str, Model],
    named: Model | None,
) -> Plan:
    """Decide about `request`, for which the policy made `choice`.

    `wish` is what the client says about reasoning, None for nothing. `named` is the model that
    the client chose itself: then only reasoning is switched.
    """
    model, reason = (named, choice.reason) if named else _fitting(request, choice, models)
    if wish is not None:
        level = model.dialects[request.api].nearest(wish)
        switch = _Switch(level, Reason.CLIENT_OVERRIDE, {})
    else:
        switch = _guarded(request, model, choice.route.reasoning, reason)
    decision = Decision(model.name, switch.level, switch.reason, choice.category, choice.confidence)
    return Plan(decision, _changes(request, model, switch, None if named else choice.route))


def _fitting(request: Request, choice: Choice, models: Mapping[str, Model]) -> tuple[Model, Reason]:
    """Return the route's model, or the first other one that can take the request."""
    wanted = models[choice.route.model]
    found = first_that_takes(needs_of(request), (wanted, *models.values()))
    # Where none fits, the model itself says best what is wrong.
    if found in (None, wanted):
        return wanted, choice.reason
    return found, Reason.UNFIT_MODEL


def _guarded(request: Request, model: Model, wanted: Reasoning, reason: Reason) -> _Switch:
    """Settle on a level for which the client left enough tokens."""
    dialect, rule = model.dialects[request.api], model.short_budget
    level, limit = dialect.nearest(wanted), answer_limit(request)
    if not level.thinks or limit is None or limit >= rule.below:
        return _Switch(level, reason, {})
    if rule.then is Remedy.RAISE and (raised := min(limit + rule.below, rule.cap)) > limit:
        names = (name for name in request.api.limits if name in request.members)
        return _Switch(level, Reason.SHORT_BUDGET, {(name,): raised for name in names})
    if rule.then is Remedy.LIMIT and dialect.budget:
        return _Switch(level, Reason.SHORT_BUDGET, {dialect.budget: limit // 2})
    weakest = dialect.nearest(Reasoning.OFF)
    return _Switch(weakest, reason if weakest is level else Reason.SHORT_BUDGET, {})


def _changes(request: Request, model: Model, switch: _Switch, route: Route | None) -> Changes:
    """Say what was settled on in the model's own words, a client's wish too.

    A wish may be spelt for another family: then the model would not hear it, or would hear
    its opposite.
    """
    dialect = model.dialects[request.api]
    spelling = dialect.spell(switch.level)
    sampling = _sampling(request, model, switch.level)
    members = {**_spelt(request, dialect, switch), **sampling, **switch.members}
    if route is not None:
        members[("model",)] = model.name
    removed = dialect.removes if switch.level is not Reasoning.UNCHANGED else frozenset()
    said = route.system_prompt if route is not None and request.api.templated else NO_WORDS
    return Changes(
        members,
        frozenset(path for path in removed - members.keys() if request.member(path) is not None),
        SystemPrompt(_unless_said(request, spelling.system_prompt, said.prepend), said.append),
        _unless_said(request, spelling.user_turn),
    )


def _spelt(request: Request, dialect: Dialect, switch: _Switch) -> Mapping[Path, object]:
    """Return the members that say the level, but for a budget that the client set itself."""
    members = dict(dialect.spell(switch.level).members)
    wished = switch.reason is Reason.CLIENT_OVERRIDE
    if wished and dialect.budget and request.member(dialect.budget) is not None:
        members.pop(dialect.budget, None)
    return members


def _sampling(request: Request, model: Model, level: Reasoning) -> Mapping[Path, object]:
    """Return the sampling that goes with `level`, but for what the client set itself."""
    chosen = model.sampling(level, request.api)
    return {(name,): chosen[name] for name in chosen if request.member((name,)) is None}


def _unless_said(request: Request, words: str, after: str = "") -> str:
    """Join `words` and `after`, without words that stand in the conversation already."""
    said = words and any(words in turn.text for turn in request.turns if turn.role in _HEARD)
    return "\n\n".join(part for part in ("" if said else words, after) if part)


_HEARD: Final = (USER, SYSTEM)
