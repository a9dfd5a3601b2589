"""The decision as headers: what Envoy routes on, and what the client may read."""

from collections.abc import Mapping
from typing import Final

from semrouter_extproc.core import intent
from semrouter_extproc.core.policy import Decision

PREFIX: Final = "x-semrouter-"
"""Every header of ours starts with this; what a client sends under it is removed."""

REQUEST_ID: Final = "x-request-id"
"""How Envoy calls a request, in its access log as well."""

READ: Final = (
    ":method",
    ":path",
    "content-type",
    "content-encoding",
    intent.HEADER,
    REQUEST_ID,
)
"""The other headers that are read; Envoy is told to send no more than these."""

MODEL: Final = f"{PREFIX}model"
CATEGORY: Final = f"{PREFIX}category"
REASONING: Final = f"{PREFIX}reasoning"
REASON: Final = f"{PREFIX}reason"
CONFIDENCE: Final = f"{PREFIX}confidence"

ALL: Final = (MODEL, CATEGORY, REASONING, REASON, CONFIDENCE)


def headers_of(decision: Decision, *, model_header: str | None = None) -> Mapping[str, str]:
    """Return the headers that tell `decision`; what was not decided has none.

    `model_header` is one more header that names the model.
    """
    headers = {REASONING: decision.reasoning.value, REASON: decision.reason.value}
    if decision.model is not None:
        headers[MODEL] = decision.model
        if model_header is not None:
            headers[model_header] = decision.model
    if decision.category is not None:
        headers[CATEGORY] = decision.category
    if decision.confidence is not None:
        headers[CONFIDENCE] = f"{decision.confidence:.3f}"
    return headers
