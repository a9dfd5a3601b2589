"""The whole router around an encoder, in this process, under many callers."""

import asyncio
from collections.abc import Sequence
from itertools import cycle
from time import perf_counter, process_time
from typing import Final

import msgspec
import numpy as np
from gpu_report import Served
from prometheus_client import CollectorRegistry
from random_centroids import random_centroids

from semrouter_extproc.core.apis import CHAT_COMPLETIONS
from semrouter_extproc.core.intent import Vocabulary
from semrouter_extproc.core.judge import Judge
from semrouter_extproc.core.models import Model
from semrouter_extproc.core.policy import Policy, Route
from semrouter_extproc.core.reasoning import Dialect, Reasoning, Spelling
from semrouter_extproc.core.rules import Rules
from semrouter_extproc.encoding.batcher import Batcher
from semrouter_extproc.encoding.torch_encoder import TorchEncoder
from semrouter_extproc.ladder import Ladder
from semrouter_extproc.observe.metrics import Metrics
from semrouter_extproc.router import SemanticRouter
from semrouter_extproc.workbench.fit import MOST_LANDMARKS

CATEGORIES: Final = 14
DEADLINE: Final = 10.0

_ENABLE: Final = ("chat_template_kwargs", "enable_thinking")
_DIALECT: Final = Dialect(
    "switch", {Reasoning.ON: Spelling({_ENABLE: True}), Reasoning.OFF: Spelling({_ENABLE: False})}
)


async def served(
    encoder: TorchEncoder, budget: int, texts: Sequence[str], callers: int, seconds: float
) -> Served:
    """Let callers ask, each again when it is answered, after a second that is not measured."""
    metrics = Metrics(CollectorRegistry())
    batcher = Batcher(
        encoder,
        max_cost=budget,
        max_queue=2 * callers,
        patience=DEADLINE,
        on_batch=metrics.encoded,
    )
    try:
        router = semantic_router(batcher, encoder.dimensions, metrics)
        requests = [request(text) for text in texts]
        await ask(router, requests, callers, min(seconds, 1.0))
        used = process_time()
        latencies, elapsed = await ask(router, requests, callers, seconds)
    finally:
        await batcher.aclose()
    middle, late = np.quantile(latencies, (0.5, 0.99)) * 1e3
    return Served(
        callers=callers,
        rate=len(latencies) / elapsed,
        p50_ms=float(middle),
        p99_ms=float(late),
        cpu_us=(process_time() - used) / len(latencies) * 1e6,
    )


async def ask(
    router: SemanticRouter, requests: Sequence[bytes], callers: int, seconds: float
) -> tuple[list[float], float]:
    """Return the seconds until each answer, and how long it all took."""
    following = cycle(requests)
    latencies: list[float] = []
    began = perf_counter()

    async def one_caller() -> None:
        while (asked := perf_counter()) < began + seconds:
            await router.route(next(following), CHAT_COMPLETIONS)
            latencies.append(perf_counter() - asked)

    await asyncio.gather(*(one_caller() for _ in range(callers)))
    return latencies, perf_counter() - began


def request(text: str) -> bytes:
    """Return a chat completion with this prompt."""
    message = {"role": "user", "content": text}
    return msgspec.json.encode({"model": "auto", "messages": [message], "max_tokens": 4096})


def semantic_router(
    batcher: Batcher[list[int]], dimensions: int, metrics: Metrics
) -> SemanticRouter:
    """Return a router without cache and static tier, over random landmarks, as many as shipped."""
    default = Route("model", Reasoning.OFF)
    thinking = Route("model", Reasoning.ON)
    centroids = random_centroids(MOST_LANDMARKS, CATEGORIES, dimensions)
    policy = Policy(
        labels=centroids.labels,
        routes=dict.fromkeys(centroids.labels[::2], thinking),
        default=default,
        min_margin=0.1,
    )
    rules = Rules(
        policy=policy,
        models={"model": Model("model", _DIALECT)},
        aliases=("auto",),
        vocabulary=Vocabulary([_DIALECT]),
    )
    ladder = Ladder(
        batcher.submit,
        Judge(centroids, static=None, policy=policy, learned=None),
        deadline=DEADLINE,
        cache_bytes=0,
        metrics=metrics,
    )
    return SemanticRouter(ladder, rules=rules, metrics=metrics)
