"""Whether every answer really came from vLLM, through Envoy: they are asked themselves."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from prometheus_client.parser import text_string_to_metric_families

from semrouter_extproc.config import Address
from semrouter_extproc.envoy.names import model_clusters
from semrouter_extproc.workbench.backend.server import MODEL
from semrouter_extproc.workbench.demo.client import Answer, Failure
from semrouter_extproc.workbench.loopback import get

_SETTLED_WITHIN: Final = 5.0


@dataclass(frozen=True, slots=True)
class Counts:
    """Successful generations since the start, as Envoy and as vLLM counted them."""

    envoy: int
    vllm: int

    @classmethod
    def read(cls, envoy_admin: Address, vllm: Address) -> Self:
        """Ask both."""
        return cls(_forwarded(envoy_admin), _generated(vllm))

    @classmethod
    def settled(cls, expected: int, envoy_admin: Address, vllm: Address) -> Self:
        """Ask both until they agree on `expected`: counting ends a moment after an answer."""
        give_up = time.monotonic() + _SETTLED_WITHIN
        counts = cls.read(envoy_admin, vllm)
        while counts != cls(expected, expected) and time.monotonic() < give_up:
            time.sleep(0.1)
            counts = cls.read(envoy_admin, vllm)
        return counts


def doubts(outcomes: Sequence[Answer | Failure], counts: Counts) -> Iterator[str]:
    """Say what speaks against every outcome being vLLM's answer through Envoy."""
    for number, outcome in enumerate(outcomes, start=1):
        if isinstance(outcome, Failure):
            yield f"request {number} failed: {outcome.message}"
        else:
            yield from (f"request {number}: {doubt}" for doubt in _doubts_about(outcome))
    for who, count in (("Envoy", counts.envoy), ("vLLM", counts.vllm)):
        if count != len(outcomes):
            yield f"{who} counted {count} answers to {len(outcomes)} requests"


def _doubts_about(answer: Answer) -> Iterator[str]:
    if answer.headers.get("server") != "envoy":
        yield "the answer does not come from Envoy"
    if "x-envoy-upstream-service-time" not in answer.headers:
        yield "Envoy did not get it from a model's server"
    if not answer.completion.startswith("chatcmpl-") or answer.model != MODEL:
        yield f"{answer.model!r} wrote it, not {MODEL!r}"
    if "x-semrouter-reason" not in answer.headers:
        yield "the router did not see the request"


def _forwarded(envoy_admin: Address) -> int:
    stat = f"cluster.{model_clusters([MODEL])[MODEL]}.upstream_rq_2xx"
    answer = json.loads(get(envoy_admin, "/stats?format=json"))
    values = {each["name"]: each["value"] for each in answer["stats"] if "name" in each}
    return int(values.get(stat, 0))


def _generated(vllm: Address) -> int:
    families = text_string_to_metric_families(get(vllm, "/metrics"))
    return sum(
        int(sample.value)
        for family in families
        for sample in family.samples
        if sample.name == "vllm:request_success_total"
    )
