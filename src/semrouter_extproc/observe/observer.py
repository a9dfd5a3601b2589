"""Who is told of each request that was decided: the recorder, the log of decisions, the tracer."""

from hashlib import blake2b
from typing import Protocol

import msgspec

from semrouter_extproc.core.policy import Decision
from semrouter_extproc.observe.metrics import Rung


class Handled(msgspec.Struct, frozen=True):
    """One request, and what was decided about it.

    `id` is Envoy's, "" where it told none. `wish` is what the client's header `x-reasoning` says.
    `text` is what was classified and `rung` what found the route; a request that was `refused` or
    left alone has neither. `traceparent` is that of W3C's Trace Context, "" outside of a trace.
    `began` and `ended` are nanoseconds since 1970.
    """

    id: str
    path: str
    body: bytes
    decision: Decision
    began: int
    ended: int
    wish: str | None = None
    refused: bool = False
    text: str = ""
    rung: Rung | None = None
    traceparent: str = ""


def facts_of(request: Handled) -> dict[str, str | float]:
    """Return what was decided and how, by name; what is not there is left out."""
    decision = request.decision
    told: dict[str, str | float | None] = {
        "request_id": request.id,
        "model": decision.model,
        "category": decision.category,
        "confidence": decision.confidence,
        "reasoning": decision.reasoning.value,
        "reason": decision.reason.value,
        "rung": request.rung and request.rung.value,
    }
    return {name: value for name, value in told.items() if value is not None}


class Observer(Protocol):
    """Takes note of requests."""

    def handled(self, request: Handled) -> None:
        """Take note of one. Belongs to the event loop's thread; never waits or raises."""


def is_sampled(request_id: str, share: float) -> bool:
    """Say whether a request is among the `share` (0 to 1) that is looked at.

    It depends on the id alone, so that whoever knows it agrees: other replicas, other tools.
    """
    digest = blake2b(request_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * 2.0**64
