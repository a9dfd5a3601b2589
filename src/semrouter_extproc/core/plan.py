"""From a request and its route to the decision, and to what changes in the body."""

from collections.abc import Mapping

import msgspec

from semrouter_extproc.core.budget import guarded
from semrouter_extproc.core.conversation import SYSTEM, USER
from semrouter_extproc.core.intent import Wish, said_in
from semrouter_extproc.core.models import Model, first_that_takes
from semrouter_extproc.core.needs import needs_of
from semrouter_extproc.core.policy import Choice, Decision, Reason, Route
from semrouter_extproc.core.reasoning import Dialect, Path, Reasoning, Spelling
from semrouter_extproc.core.request import Request
from semrouter_extproc.core.rewrite import Changes
from semrouter_extproc.core.wording import NO_WORDS, SystemPrompt


class Plan(msgspec.Struct, frozen=True):
    """A decision, and what makes the body say it."""

    decision: Decision
    changes: Changes


class _Switch(msgspec.Struct, frozen=True):
    """A level of reasoning that was settled on, with what it takes beside its spelling."""

    level: Reasoning
    reason: Reason
    members: Mapping[Path, object]


def plan(
    request: Request,
    choice: Choice,
    wish: Wish | None,
    models: Mapping[str, Model],
    named: Model | None,
) -> Plan:
    """Decide about `request`, for which the policy made `choice`.

    `wish` is what the client says about reasoning, None for nothing. `named` is the model that
    the client chose itself: then only reasoning is switched.
    """
    model, reason = (named, choice.reason) if named else _fitting(request, choice, models)
    dialect = model.dialects[request.api]
    if wish is not None:
        # A word may mean one thing to most families, and another to this one.
        own = None if wish.by_header else said_in(dialect, request)
        level = own or dialect.nearest(wish.level)
        switch = _Switch(level, Reason.CLIENT_OVERRIDE, {})
    else:
        level = dialect.nearest(choice.route.reasoning)
        safe = guarded(request, model, level)
        reason = Reason.SHORT_BUDGET if safe.acted else reason
        switch = _Switch(safe.level, reason, safe.members)
    decision = Decision(model.name, switch.level, switch.reason, choice.category, choice.confidence)
    return Plan(decision, _changes(request, model, switch, None if named else choice.route))


def _fitting(request: Request, choice: Choice, models: Mapping[str, Model]) -> tuple[Model, Reason]:
    """Return the route's model, or the first other one that can take the request."""
    wanted = models[choice.route.model]
    if wanted.takes_anything:
        return wanted, choice.reason  # looking for images in megabytes of them takes time
    found = first_that_takes(needs_of(request), (wanted, *models.values()))
    # Where none fits, the model itself says best what is wrong.
    if found in (None, wanted):
        return wanted, choice.reason
    return found, Reason.UNFIT_MODEL


def _changes(request: Request, model: Model, switch: _Switch, route: Route | None) -> Changes:
    """Say what was settled on in the model's own words, a client's wish too.

    A wish may be spelt for another family: then the model would not hear it, or would hear
    its opposite.
    """
    dialect = model.dialects[request.api]
    spelling, kept = dialect.spell(switch.level), _budget_of_the_client(request, dialect, switch)
    said = {path: value for path, value in spelling.members.items() if path not in kept}
    members = {**said, **_sampling(request, model, switch.level), **switch.members}
    if route is not None:
        members[("model",)] = model.name
    contradicting = dialect.removes - members.keys() - kept
    if switch.level is Reasoning.UNCHANGED:
        contradicting = frozenset()
    words = route.system_prompt if route is not None and request.api.templated else NO_WORDS
    return Changes(
        members,
        frozenset(path for path in contradicting if request.member(path) is not None),
        SystemPrompt(_joined(_unsaid_in_system(request, spelling), words.prepend), words.append),
        _unsaid_by_user(request, spelling),
    )


def _budget_of_the_client(request: Request, dialect: Dialect, switch: _Switch) -> frozenset[Path]:
    """Return the member that bounds thinking where a client that wishes for it set one."""
    path = dialect.budget
    wished = switch.reason is Reason.CLIENT_OVERRIDE and switch.level.thinks
    return frozenset({path} if wished and path and request.member(path) is not None else ())


def _sampling(request: Request, model: Model, level: Reasoning) -> Mapping[Path, object]:
    """Return the sampling that goes with `level`, but for what the client set itself."""
    chosen = dict(model.sampling(level, request.api))
    if chosen.get("temperature") == 0 and request.member(("n",)) is not None:
        del chosen["temperature"]  # vLLM refuses several answers that must all be the same
    return {(name,): chosen[name] for name in chosen if request.member((name,)) is None}


def _unsaid_in_system(request: Request, spelling: Spelling) -> str:
    """Return the words for the system prompt, unless it begins with them."""
    words = spelling.system_prompt
    if not words:
        return ""
    first = next((turn.text for turn in request.turns if turn.role == SYSTEM), "")
    return "" if first.lstrip().startswith(words) else words


def _unsaid_by_user(request: Request, spelling: Spelling) -> str:
    """Return the words for the user's last turn, unless it ends with them."""
    words = spelling.user_turn
    if not words:
        return ""
    turns = (turn.text for turn in reversed(request.turns) if turn.role == USER and turn.text)
    return "" if next(turns, "").rstrip().endswith(words) else words


def _joined(*parts: str) -> str:
    return "\n\n".join(filter(None, parts))
