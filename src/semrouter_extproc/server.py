"""The process: bind, load, warm up, serve, drain."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import grpc
import structlog
import uvicorn
from prometheus_client import CollectorRegistry

from semrouter_extproc.admin.app import admin_app
from semrouter_extproc.admin.guard import Guard
from semrouter_extproc.admin.inside import Inside
from semrouter_extproc.assembly import load_edition, load_encoder, running_batcher, secret
from semrouter_extproc.config import Address, load
from semrouter_extproc.config import Server as ServerConfig
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.errors import ConfigError
from semrouter_extproc.extproc.answers import AnswerListener
from semrouter_extproc.extproc.health import Health
from semrouter_extproc.extproc.service import external_processor
from semrouter_extproc.extproc.threads import unobtrusive_threads
from semrouter_extproc.extproc.tls import Certificates
from semrouter_extproc.observe.metrics import Metrics
from semrouter_extproc.observe.observers import observing
from semrouter_extproc.reloading import Files, Live, Reloader

_MESSAGE_OVERHEAD: Final = 1024 * 1024
"""Bytes of headers and framing that may come on top of a body of the largest size."""

_log = structlog.get_logger(__name__)


EncoderLoader = Callable[..., AnyEncoder]
"""From the page's section `encoder` and the artefacts to an encoder that goes with them."""


async def serve(page: Path, *, encoder_of: EncoderLoader = load_encoder) -> None:
    """Serve until SIGTERM or SIGINT, then drain; each further signal ends a wait of the drain.

    Changes of the page, and of what it names, are taken up on the way. Raises `ConfigError` for a
    page that cannot be used or a port that is taken, and whatever loading raises.
    """
    files = Files(page)
    # Before they are read, so that no change is missed.
    as_loaded = files.state()
    config = load(page)
    server = _new_server(config.server)
    health = Health(server)
    edition = load_edition(config)
    metrics = Metrics(CollectorRegistry())
    inside = Inside(metrics.registry, lambda: edition)
    async with _serving_admin(config.server, inside):
        encoder = await asyncio.to_thread(encoder_of, config.encoder, *edition.artefacts)
        async with (
            running_batcher(config, encoder, metrics) as submit,
            observing(config, metrics) as observers,
        ):
            live = Live(edition, submit, metrics)
            inside.edition, inside.explain = live.edition_now, live.explain
            service = external_processor(
                live.router_now,
                max_body=config.server.max_body,
                model_header=config.server.model_header,
                observers=observers,
            )
            listener = AnswerListener(metrics.answers)
            server.add_generic_rpc_handlers((service, listener.handler()))
            # What was loaded stays: to look through all of it stops the event loop for 50 ms.
            gc.collect()
            gc.freeze()
            # Until here a signal ends the process at once: there is nothing to drain.
            stop = _Signals()
            _bind(server, config.server)
            await server.start()
            await health.report(serving=True)
            inside.is_ready = True
            _log.info("serving", grpc=str(config.server.grpc), admin=str(config.server.admin))
            async with _at_work(Reloader(files, as_loaded, live, encoder, metrics).run()):
                await stop.received()
            inside.is_ready = False
            listener.close()
            await _drain(config.server, server, health, stop)


@asynccontextmanager
async def _at_work(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Do `work` for as long as the block lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


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


def _new_server(config: ServerConfig) -> grpc.aio.Server:
    size = config.max_body + _MESSAGE_OVERHEAD
    with unobtrusive_threads():
        return grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", size),
                ("grpc.max_send_message_length", size),
                # Two routers on one port would share it silently, and Envoy would see only one.
                ("grpc.so_reuseport", 0),
            ]
        )


def _bind(server: grpc.aio.Server, config: ServerConfig) -> None:
    """Listen. A port that is bound takes connections, so this waits until they can be served.

    Envoy would hold requests on them; what is refused it tries elsewhere at once.
    """
    try:
        if config.tls is None:
            server.add_insecure_port(str(config.grpc))
        else:
            server.add_secure_port(str(config.grpc), Certificates(config.tls).credentials())
    except RuntimeError:
        raise _port_taken("server.grpc", config.grpc) from None


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
async def _serving_admin(config: ServerConfig, inside: Inside) -> AsyncIterator[None]:
    address = config.admin
    guard = Guard(address, secret("server.admin_token_env", config.admin_token_env))
    try:
        listener = socket.create_server(address, family=_family(address))
    except OSError:
        raise _port_taken("server.admin", address) from None
    app = admin_app(inside, guard)
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
