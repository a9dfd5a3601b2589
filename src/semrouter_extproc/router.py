"""One request body in, one decision and the new body out. The one place that never raises."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import structlog
from numpy.typing import NDArray

from semrouter_extproc.core.apis import Api
from semrouter_extproc.core.catalogue import Catalogue
from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.core.classify import Classification, classify
from semrouter_extproc.core.intent import Wish
from semrouter_extproc.core.plan import Plan
from semrouter_extproc.core.policy import Choice, Decision, Reason, untouched
from semrouter_extproc.core.prompt import text_to_classify
from semrouter_extproc.core.request import Request, parse
from semrouter_extproc.core.rewrite import rewrite
from semrouter_extproc.core.rules import Rules
from semrouter_extproc.errors import Closed, EncodingFailed, MalformedRequest, Overloaded
from semrouter_extproc.observe.metrics import Metrics, Stage

_LARGE_BYTES: Final = 512 * 1024
"""A body of this size takes about a millisecond to read."""

_Result = TypeVar("_Result")

Submit = Callable[[str], Awaitable[NDArray[np.float32]]]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Routing:
    """The answer to a request: what was decided, why, and the body to send on.

    `body` is None when the client's bytes go on as they are. `refusal` is the message of a
    400. `text`, `classification` and `lead` are there for those who explain decisions.
    """

    decision: Decision
    body: bytes | None = None
    refusal: str | None = None
    text: str = ""
    classification: Classification | None = None
    lead: float | None = None


class SemanticRouter:
    """Classifies, decides and rewrites requests for generations.

    `submit` turns a prompt into its unit vector; it is waited for at most `deadline`
    seconds.
    """

    def __init__(
        self,
        submit: Submit,
        *,
        centroids: Centroids,
        rules: Rules,
        deadline: float,
        metrics: Metrics,
    ) -> None:
        self._submit = submit
        self._centroids = centroids
        self._rules = rules
        self._deadline = deadline
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
        unrouted = self._rules.unrouted(request.model)
        if unrouted is not None:
            return Routing(unrouted, refusal=_refusal(unrouted, request.model))
        outcome = await self._classify(text)
        with self._metrics.time(Stage.DECIDE):
            choice = self._rules.policy.choose(outcome)
        planned, rewritten = await aside(self._write, request, choice, by_header)
        return Routing(
            planned.decision,
            rewritten,
            text=text,
            classification=outcome if isinstance(outcome, Classification) else None,
            lead=choice.lead,
        )

    def _read(self, body: bytes, api: Api) -> tuple[Request, str]:
        with self._metrics.time(Stage.PARSE):
            request = parse(body, api)
            return request, text_to_classify(request.turns, self._rules.reading)

    def _write(
        self, request: Request, choice: Choice, by_header: Wish | None
    ) -> tuple[Plan, bytes]:
        with self._metrics.time(Stage.REWRITE):
            planned = self._rules.plan(request, choice, by_header)
            return planned, rewrite(request, planned.changes)

    async def _classify(self, prompt: str) -> Classification | Reason:
        """Return the classification of `prompt`, or the reason why there is none."""
        if not prompt:
            return Reason.NO_PROMPT
        try:
            async with asyncio.timeout(self._deadline):
                vector = await self._submit(prompt)
        except TimeoutError:
            return Reason.DEADLINE
        except (Overloaded, Closed):
            return Reason.OVERLOADED
        except EncodingFailed as error:
            _log.error("encoding failed", error=str(error))
            return Reason.ENCODER_ERROR
        with self._metrics.time(Stage.CLASSIFY):
            return classify(vector, self._centroids)


async def _here(function: Callable[..., _Result], *arguments: object) -> _Result:
    """Call `function` on the spot, where another thread would cost more than it saves."""
    return function(*arguments)


def _refusal(decision: Decision, model: str) -> str | None:
    if decision.reason is not Reason.UNKNOWN_MODEL:
        return None
    return f"the model {model!r} does not exist; GET /v1/models lists those that do"
