"""A router over two categories whose vectors a test can see through."""

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from semrouter_extproc.core.centroids import SCOPE_SHARES, Centroids
from semrouter_extproc.core.intent import Vocabulary
from semrouter_extproc.core.judge import Judge
from semrouter_extproc.core.kernel import KernelModel
from semrouter_extproc.core.models import Model
from semrouter_extproc.core.ngrams import BUCKETS, NgramModel
from semrouter_extproc.core.policy import Policy, Route
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.core.rules import Clients, Rules
from semrouter_extproc.ladder import Ladder, Submit
from semrouter_extproc.observe.metrics import Metrics
from semrouter_extproc.router import SemanticRouter
from support import dialects

MATH = "prove it"
LAW = "sue them"
EITHER = "prove it or sue them"

VECTORS: Mapping[str, tuple[float, float]] = {
    MATH: (1.0, 0.0),
    LAW: (0.0, 1.0),
    EITHER: (0.5**0.5, 0.5**0.5),
}


def centroids() -> Centroids:
    """Return one landmark for each of law and math, at right angles; n-grams say nothing."""
    return Centroids(
        labels=("law", "math"),
        model=KernelModel(
            landmarks=np.array([[0, 1], [1, 0]], np.float32),
            weights=np.eye(2, dtype=np.float32),
            offset=np.zeros(2, np.float32),
            ngrams=silent_ngrams(2),
            sharpness=10.0,
        ),
        owners=np.array([0, 1]),
        temperature=0.1,
        scope=np.zeros((2, len(SCOPE_SHARES)), np.float32),
    )


def silent_ngrams(outputs: int) -> NgramModel:
    """Return n-grams that make no difference."""
    return NgramModel(np.ones(BUCKETS, np.float32), np.zeros((BUCKETS, outputs), np.float32))


def rules(
    *,
    min_margin: float = 0.1,
    familiarity_bars: NDArray[np.float64] | None = None,
    clients: Clients | None = None,
    **thinker: Any,
) -> Rules:
    """Send math to a reasoning `thinker`, law and the rest to a plain `talker`."""
    talker = Route("talker", Reasoning.OFF)
    return Rules(
        policy=Policy(
            labels=("law", "math"),
            routes={"math": Route("thinker", Reasoning.HIGH), "law": talker},
            default=talker,
            min_margin=min_margin,
            familiarity_bars=familiarity_bars,
        ),
        models={
            "thinker": Model("thinker", dialects.EFFORTS, **thinker),
            "talker": Model("talker", dialects.SWITCH),
        },
        aliases=("auto",),
        vocabulary=Vocabulary(dialects.ALL),
        clients=clients or Clients(),
    )


async def submit(prompt: str) -> NDArray[np.float32]:
    """Give the vector of a known prompt, after a turn of the event loop."""
    await asyncio.sleep(0)
    return np.array(VECTORS[prompt], np.float32)


def router(
    submit: Submit = submit,
    *,
    deadline: float = 5.0,
    cache_bytes: int = 0,
    metrics: Metrics | None = None,
    rules: Rules = rules(),  # noqa: B008 - nothing changes it
) -> SemanticRouter:
    metrics = metrics or Metrics(CollectorRegistry())
    ladder = Ladder(
        submit,
        Judge(centroids(), static=None, policy=rules.policy, learned=None),
        deadline=deadline,
        cache_bytes=cache_bytes,
        metrics=metrics,
    )
    return SemanticRouter(ladder, rules=rules, metrics=metrics)
