"""The whole way of a request inside this process, without gRPC and Envoy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry

from semrouter_extproc.artefact import Artefact
from semrouter_extproc.assembly import load_edition, load_encoder, router_over, running_batcher
from semrouter_extproc.config import parse
from semrouter_extproc.core.apis import CHAT_COMPLETIONS
from semrouter_extproc.core.rules import Rules
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.observe.metrics import Metrics
from semrouter_extproc.router import Routing, SemanticRouter


@dataclass(frozen=True, slots=True)
class Service:
    """A running router, and what it was made of."""

    router: SemanticRouter
    artefact: Artefact
    rules: Rules
    encoder: AnyEncoder

    async def send(self, request: bytes) -> Routing:
        """Route a chat completion."""
        return await self.router.route(request, CHAT_COMPLETIONS)


@asynccontextmanager
async def running_service(**sections: Any) -> AsyncIterator[Service]:  # noqa: ANN401 - as in YAML
    """Run a router with the shipped configuration, in which `sections` are changed."""
    page = {
        "models": {"model": {"dialect": "qwen3", "endpoints": ["127.0.0.1:8000"]}},
        "default": {"model": "model"},
        **sections,
    }
    config = parse(page, source="the benchmark's page")
    edition = load_edition(config)
    encoder = load_encoder(config.encoder, *edition.artefacts)
    metrics = Metrics(CollectorRegistry())
    async with running_batcher(config, encoder, metrics) as submit:
        router = router_over(submit, edition, metrics)
        yield Service(router, edition.artefact, edition.rules, encoder)


def asking(text: str) -> bytes:
    """Return the request for a chat completion with this prompt."""
    message = {"role": "user", "content": text}
    return msgspec.json.encode({"model": "auto", "messages": [message]})
