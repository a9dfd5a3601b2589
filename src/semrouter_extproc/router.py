"""One request body in, one decision and the new body out. The one place that never raises."""

import asyncio
import traceback
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
import structlog

from semrouter_extproc.core.apis import Api
from semrouter_extproc.core.catalogue import Catalogue
from semrouter_extproc.core.classify import Classification
from semrouter_extproc.core.intent import Wish
from semrouter_extproc.core.plan import Plan
from semrouter_extproc.core.policy import Choice, Decision, Reason, untouched
from semrouter_extproc.core.prompt import text_to_classify
from semrouter_extproc.core.request import Request, parse
from semrouter_extproc.core.rewrite import rewrite
from semrouter_extproc.core.rules import Rules
from semrouter_extproc.errors import MalformedRequest
from semrouter_extproc.ladder import Ladder
from semrouter_extproc.observe.metrics import Metrics, Rung, Stage

_LARGE_BYTES: Final = 512 * 1024
"""A body of this size takes about a millisecond to read."""

_Result = TypeVar("_Result")

_log = structlog.get_logger(__name__)


class Routing(msgspec.Struct, frozen=True):
    """The answer to a request: what was decided, why, and the body to send on.

    `body` is None when the client's bytes go on as they are. `refusal` is the message of a
    400. `text`, `rung`, `classification` and `lead` are there for those who explain decisions.
    """

    decision: Decision
    body: bytes | None = None
    refusal: str | None = None
    text: str = ""
    rung: Rung | None = None
    classification: Classification | None = None
    lead: float | None = None


class SemanticRouter:
    """Reads, decides and rewrites requests for generations."""

    def __init__(self, ladder: Ladder, *, rules: Rules, metrics: Metrics) -> None:
        self._ladder = ladder
        self._rules = rules
        self._metrics = metrics
        self.catalogue = Catalogue((*rules.aliases, *rules.models))

    async def route(self, body: bytes, api: Api, *, header: str | None = None) -> Routing:
        """Decide about a request and rewrite it. Never raises, except when cancelled.

        `header` is what the client's `x-reasoning` says, None if it was not sent.
        """
        with self._metrics.time(Stage.TOTAL):
            routing = await self._route_safely(body, api, header)
        self._metrics.decided(routing.decision)
        return routing

    def skip(self, reason: Reason) -> Decision:
        """Count a request whose body is not read, because of `reason`."""
        decision = untouched(reason)
        self._metrics.decided(decision)
        return decision

    async def _route_safely(self, body: bytes, api: Api, header: str | None) -> Routing:
        try:
            return await self._route(body, api, header)
        except MalformedRequest as error:
            return Routing(untouched(Reason.UNPARSABLE), refusal=str(error))
        except Exception as error:  # noqa: BLE001 - the last line of defence
            # In front of every request a fault of ours must cost the decision, not the answer:
            # the alias in the untouched body is served by the default backend.
            # Its message could carry the prompt, and is not logged; the lines of code cannot.
            where = "".join(traceback.format_tb(error.__traceback__))
            _log.error("routing failed", error=type(error).__name__, where=where)
            return Routing(untouched(Reason.INTERNAL_ERROR))

    async def _route(self, body: bytes, api: Api, header: str | None) -> Routing:
        # A large body would hold up every other request.
        aside = asyncio.to_thread if len(body) > _LARGE_BYTES else _here
        by_header = self._rules.wish_of_header(header)
        request, text = await aside(self._read, body, api)
        if isinstance(text, Decision):
            return Routing(text, refusal=_refusal(text, request.model))
        answer = await self._ladder.route(text)
        self._metrics.answered(answer.rung)
        if answer.choice.lead is not None:
            self._metrics.drift.judged(answer.choice.lead)
        if self._ladder.has_shadow:
            self._metrics.shadow.compare(answer.choice, answer.shadow)
        planned, rewritten = await aside(self._write, request, answer.choice, by_header)
        return Routing(
            planned.decision,
            rewritten,
            text=text,
            rung=answer.rung,
            classification=answer.classification,
            lead=answer.choice.lead,
        )

    def _read(self, body: bytes, api: Api) -> tuple[Request, str | Decision]:
        """Return the request with its text to classify, or with the decision to leave it."""
        with self._metrics.time(Stage.PARSE):
            request = parse(body, api)
            unrouted = self._rules.unrouted(request.model)
            if unrouted is not None:
                return request, unrouted
            return request, text_to_classify(request.turns, self._rules.reading)

    def _write(
        self, request: Request, choice: Choice, by_header: Wish | None
    ) -> tuple[Plan, bytes]:
        with self._metrics.time(Stage.REWRITE):
            planned = self._rules.plan(request, choice, by_header)
            return planned, rewrite(request, planned.changes)


async def _here(function: Callable[..., _Result], *arguments: object) -> _Result:
    """Call `function` on the spot, where another thread would cost more than it saves."""
    return function(*arguments)


def _refusal(decision: Decision, model: str) -> str | None:
    if decision.reason is not Reason.UNKNOWN_MODEL:
        return None
    return f"the model {model!r} does not exist; GET /v1/models lists those that do"
