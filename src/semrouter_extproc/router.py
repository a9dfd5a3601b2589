"""One request body in, one decision and the new body out. The one place that never raises."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np
import structlog
from numpy.typing import NDArray

from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.core.chat import parse
from semrouter_extproc.core.classify import Classification, classify
from semrouter_extproc.core.policy import Decision, Policy, Reason
from semrouter_extproc.core.prompt import commands_reasoning, last_user_text, prompt_of
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.core.rewrite import rewrite
from semrouter_extproc.errors import Closed, EncodingFailed, MalformedRequest, Overloaded
from semrouter_extproc.observe.metrics import Metrics, Stage

Submit = Callable[[str], Awaitable[NDArray[np.float32]]]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Routing:
    """The answer to a request: what was decided, why, and the body to send on.

    `body` is None when the client's bytes go on as they are. `refusal` is the message of a
    400, for a body that no server would accept. `classification` is there for those who
    explain decisions.
    """

    decision: Decision
    body: bytes | None = None
    refusal: str | None = None
    classification: Classification | None = None


class SemanticRouter:
    """Classifies, decides and rewrites chat completions.

    `submit` turns a prompt into its unit vector; it is waited for at most `deadline`
    seconds. Of a prompt, `max_prompt_chars` characters are read.
    """

    def __init__(
        self,
        submit: Submit,
        *,
        centroids: Centroids,
        policy: Policy,
        deadline: float,
        max_prompt_chars: int,
        metrics: Metrics,
    ) -> None:
        self._submit = submit
        self._centroids = centroids
        self._policy = policy
        self._deadline = deadline
        self._max_prompt_chars = max_prompt_chars
        self._metrics = metrics

    async def route(self, body: bytes) -> Routing:
        """Decide about a chat completion and rewrite it. Never raises, except when cancelled."""
        with self._metrics.time(Stage.TOTAL):
            routing = await self._route_safely(body)
        self._metrics.decided(routing.decision)
        return routing

    def skip(self, reason: Reason) -> Decision:
        """Count a request whose body is not read, because of `reason`."""
        decision = _untouched(reason)
        self._metrics.decided(decision)
        return decision

    async def _route_safely(self, body: bytes) -> Routing:
        try:
            return await self._route(body)
        except MalformedRequest as error:
            return Routing(_untouched(Reason.UNPARSABLE), refusal=str(error))
        except Exception as error:  # noqa: BLE001 - the last line of defence
            # In front of every request a fault of ours must cost the decision, not the answer:
            # the alias in the untouched body is served by the default backend.
            # Its message could carry the prompt, and is not logged; the lines of code cannot.
            where = "".join(traceback.format_tb(error.__traceback__))
            _log.error("routing failed", error=type(error).__name__, where=where)
            return Routing(_untouched(Reason.INTERNAL_ERROR))

    async def _route(self, body: bytes) -> Routing:
        with self._metrics.time(Stage.PARSE):
            request = parse(body)
            text = last_user_text(request.messages)
        # A server with one model answers requests that name none: they are ours to decide.
        if request.model and request.model not in self._policy.aliases:
            return Routing(self._policy.pin(request.model))
        outcome = await self._classify(prompt_of(text, max_chars=self._max_prompt_chars))
        with self._metrics.time(Stage.DECIDE):
            decision = self._policy.decide(
                outcome,
                client_decides=request.decides_reasoning or commands_reasoning(text),
            )
        with self._metrics.time(Stage.REWRITE):
            rewritten = rewrite(request, self._policy.edits(decision))
        classification = outcome if isinstance(outcome, Classification) else None
        return Routing(decision, rewritten, classification=classification)

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


def _untouched(reason: Reason) -> Decision:
    return Decision(model=None, reasoning=Reasoning.UNCHANGED, reason=reason)
