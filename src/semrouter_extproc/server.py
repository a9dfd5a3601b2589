"""The process: bind, load, warm up, serve, drain."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import grpc
import structlog
import uvicorn
from prometheus_client import CollectorRegistry

from semrouter_extproc.admin.app import admin_app
from semrouter_extproc.artefact import Artefact, load, require_encoder, require_likeness, resolve
from semrouter_extproc.config import Address, Config
from semrouter_extproc.config import Encoder as EncoderConfig
from semrouter_extproc.config import RemoteEncoder as RemoteConfig
from semrouter_extproc.config import Server as ServerConfig
from semrouter_extproc.core.probes import PROBES
from semrouter_extproc.core.rules import Rules
from semrouter_extproc.encoding.batcher import Batcher
from semrouter_extproc.encoding.cores import usable_cores
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.encoding.local import local_encoder
from semrouter_extproc.encoding.offline import encode_texts
from semrouter_extproc.encoding.remote_encoder import RemoteEncoder
from semrouter_extproc.errors import ConfigError
from semrouter_extproc.extproc.health import Health
from semrouter_extproc.extproc.service import external_processor
from semrouter_extproc.extproc.threads import unobtrusive_threads
from semrouter_extproc.ladder import Ladder, Submit
from semrouter_extproc.observe.metrics import Metrics
from semrouter_extproc.observe.recorder import recording
from semrouter_extproc.router import SemanticRouter

_MESSAGE_OVERHEAD: Final = 1024 * 1024
"""Bytes of headers and framing that may come on top of a body of the largest size."""

_PATIENCE: Final = 0.5
"""The share of the deadline that a prompt may be expected to wait.

The rest is for encoding it, and for the expectation to be wrong: where the cores are busy, a larger
share classifies no more prompts, and more answers come too late.
"""

_log = structlog.get_logger(__name__)


def load_rules(config: Config) -> tuple[Artefact, Rules]:
    """Load the centroids that `config` names and compile the page for their categories."""
    artefact = load(resolve(config.classifier.centroids))
    centroids, strange = artefact.centroids, config.classifier.out_of_scope
    bars = centroids.familiarity_bars(strange)
    return artefact, config.rules(centroids.labels, bars, artefact.outcomes)


def load_encoder(config: EncoderConfig, artefact: Artefact) -> AnyEncoder:
    """Load the encoder and warm it up, refusing one that does not go with the centroids.

    Takes seconds. Raises `EncoderUnavailable`, `EncodingFailed` and `ArtefactError`.
    """
    if config.remote is not None:
        encoder: AnyEncoder = _remote(config.model, config.remote)
    else:
        workers = config.threads or usable_cores()
        encoder = local_encoder(
            config.model, backend=config.backend, device=config.device, workers=workers
        )
    require_match(config, encoder, artefact)
    return encoder


def require_match(config: EncoderConfig, encoder: AnyEncoder, artefact: Artefact) -> None:
    """Refuse an encoder, loaded from `config`, that does not go with the centroids.

    Raises `EncodingFailed` and `ArtefactError`.
    """
    if config.remote is None:
        require_encoder(artefact, encoder.fingerprint, encoder.dimensions)
    require_likeness(artefact, encode_texts(encoder, PROBES), encoder.fingerprint)


def _remote(model: str, config: RemoteConfig) -> RemoteEncoder:
    return RemoteEncoder(
        config.url, model, deadline=config.deadline, api_key=_secret(config.api_key_env)
    )


def _secret(variable: str | None) -> str | None:
    if variable is None:
        return None
    secret = os.environ.get(variable, "").strip()
    if not secret:
        raise ConfigError(
            "configuration",
            [f"encoder.remote.api_key_env: the environment variable {variable} is not set"],
        )
    return secret


@asynccontextmanager
async def running_router(
    config: Config, artefact: Artefact, rules: Rules, encoder: AnyEncoder, metrics: Metrics
) -> AsyncIterator[SemanticRouter]:
    """Run a router with its batcher at work, for as long as the block lasts."""
    batcher = Batcher(
        encoder,
        max_cost=config.encoder.max_batch_tokens or encoder.batch_cost,
        max_queue=config.encoder.max_queue,
        patience=_PATIENCE * config.server.deadline,
        on_batch=metrics.encoded,
    )
    metrics.watch_queue(lambda: batcher.depth)
    try:
        yield router_over(batcher.submit, config, artefact, rules, metrics)
    finally:
        await batcher.aclose()


def router_over(
    submit: Submit, config: Config, artefact: Artefact, rules: Rules, metrics: Metrics
) -> SemanticRouter:
    """Return the router of `config`; `submit` gives the vectors of texts."""
    ladder = Ladder(
        submit,
        centroids=artefact.centroids,
        static=artefact.static if config.classifier.static_tier else None,
        policy=rules.policy,
        learned=rules.learned,
        deadline=config.server.deadline,
        cache_bytes=config.classifier.cache,
        metrics=metrics,
    )
    return SemanticRouter(ladder, rules=rules, metrics=metrics)


async def serve(config: Config) -> None:
    """Serve until SIGTERM or SIGINT, then drain; each further signal ends a wait of the drain.

    Raises `ConfigError` for a port that is taken, and whatever loading raises.
    """
    server = _bind(config)
    health = Health(server)
    artefact, rules = load_rules(config)
    metrics = Metrics(CollectorRegistry())
    ready = asyncio.Event()
    async with _serving_admin(config.server.admin, metrics, ready):
        encoder = await asyncio.to_thread(load_encoder, config.encoder, artefact)
        async with (
            running_router(config, artefact, rules, encoder, metrics) as router,
            recording(config.recorder, metrics) as recorder,
        ):
            server.add_generic_rpc_handlers(
                (external_processor(router, max_body=config.server.max_body, recorder=recorder),)
            )
            # What was loaded stays: to look through all of it stops the event loop for 50 ms.
            gc.collect()
            gc.freeze()
            # Until here a signal ends the process at once: there is nothing to drain.
            stop = _Signals()
            await server.start()
            await health.report(serving=True)
            ready.set()
            _log.info("serving", grpc=str(config.server.grpc), admin=str(config.server.admin))
            await stop.received()
            ready.clear()
            await _drain(config.server, server, health, stop)


class _Signals:
    """SIGTERM and SIGINT, one after the other: the first starts the drain, more hurry it."""

    def __init__(self) -> None:
        self._count = asyncio.Semaphore(0)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._count.release)

    async def received(self) -> None:
        """Wait for the next signal."""
        await self._count.acquire()


def _bind(config: Config) -> grpc.aio.Server:
    size = config.server.max_body + _MESSAGE_OVERHEAD
    with unobtrusive_threads():
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", size),
                ("grpc.max_send_message_length", size),
                # Two routers on one port would share it silently, and Envoy would see only one.
                ("grpc.so_reuseport", 0),
            ]
        )
    try:
        server.add_insecure_port(str(config.server.grpc))
    except RuntimeError:
        raise _port_taken("server.grpc", config.server.grpc) from None
    return server


async def _drain(
    bounds: ServerConfig, server: grpc.aio.Server, health: Health, stop: _Signals
) -> None:
    """Tell Envoy to go elsewhere, give it time to notice, then finish what is under way."""
    _log.info("draining", delay=bounds.drain_delay, timeout=bounds.drain_timeout)
    await health.report(serving=False)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.received(), bounds.drain_delay)
    stopping = asyncio.create_task(server.stop(bounds.drain_timeout))
    impatient = asyncio.create_task(stop.received())
    await asyncio.wait((stopping, impatient), return_when=asyncio.FIRST_COMPLETED)
    impatient.cancel()
    await server.stop(0)
    _log.info("stopped")


class _AdminServer(uvicorn.Server):
    """A uvicorn that leaves the process's signals to the drain."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing."""
        yield


@asynccontextmanager
async def _serving_admin(
    address: Address, metrics: Metrics, ready: asyncio.Event
) -> AsyncIterator[None]:
    try:
        listener = socket.create_server(address, family=_family(address))
    except OSError:
        raise _port_taken("server.admin", address) from None
    app = admin_app(metrics.registry, ready.is_set)
    server = _AdminServer(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address.host else socket.AF_INET


def _port_taken(path: str, address: Address) -> ConfigError:
    return ConfigError("configuration", [f"{path}: cannot listen on {address}; is it taken?"])
