"""Everything that configuration and artefact say about decisions, in one place."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from semrouter_extproc.core.intent import Vocabulary, Wish, wish_of_header
from semrouter_extproc.core.learned import Learned
from semrouter_extproc.core.models import Model
from semrouter_extproc.core.plan import Plan, plan
from semrouter_extproc.core.policy import Choice, Decision, Policy, Reason, untouched
from semrouter_extproc.core.prompt import Reading
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.core.request import Request


@dataclass(frozen=True, slots=True)
class Clients:
    """What clients may do.

    `named_models_switch`: a request that names a configured model keeps it and has its
    reasoning switched; otherwise it stays as it is. `unknown_models_pass`: a request for any
    other model goes to the default backend; otherwise it is refused. `header_counts`: the
    header `x-reasoning` is a wish.
    """

    named_models_switch: bool = False
    unknown_models_pass: bool = True
    header_counts: bool = False


@dataclass(frozen=True)
class Rules:
    """How requests are decided. `aliases` are the names that ask the router to choose.

    `learned` is there where a route of `policy` is open.
    """

    policy: Policy
    models: Mapping[str, Model]
    aliases: tuple[str, ...]
    vocabulary: Vocabulary
    clients: Clients = field(default_factory=Clients)
    reading: Reading = field(default_factory=Reading)
    learned: Learned | None = None

    def unrouted(self, model: str) -> Decision | None:
        """Decide about a request for `model` whose body stays; None for one to be routed."""
        # A server with one model answers requests that name none: they are ours to decide.
        if not model or model in self.aliases:
            return None
        if model in self.models:
            # Named in the decision, so that Envoy takes the model's route.
            pinned = untouched(Reason.PINNED_MODEL, model)
            return None if self.clients.named_models_switch else pinned
        passes = self.clients.unknown_models_pass
        return untouched(Reason.PINNED_MODEL if passes else Reason.UNKNOWN_MODEL)

    def wish_of_header(self, header: str | None) -> Wish | None:
        """Return the wish in the header `x-reasoning`, None where it does not count.

        Raises `MalformedRequest` for a header that says nothing known.
        """
        if header is None or not self.clients.header_counts:
            return None
        return wish_of_header(header)

    def plan(self, request: Request, choice: Choice, by_header: Wish | None) -> Plan:
        """Decide about `request`, which came with a wish of its header or without."""
        named = None if request.model in self.aliases else self.models.get(request.model)
        return plan(request, choice, self._wish(request, by_header), self.models, named)

    def _wish(self, request: Request, by_header: Wish | None) -> Wish | None:
        # A header is set on purpose, while client libraries fill in bodies by themselves.
        if by_header is not None:
            return None if by_header.level is Reasoning.UNCHANGED else by_header
        level = self.vocabulary.wish_of(request)
        return None if level is None else Wish(level)
