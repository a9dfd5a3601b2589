"""Everyone whom the page asks to be told of requests."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager

from semrouter_extproc.config import Address, Config
from semrouter_extproc.errors import ConfigError
from semrouter_extproc.observe.decisions import logging_decisions
from semrouter_extproc.observe.metrics import Metrics
from semrouter_extproc.observe.observer import Observer
from semrouter_extproc.observe.recorder import recording


@asynccontextmanager
async def observing(config: Config, metrics: Metrics) -> AsyncIterator[Sequence[Observer]]:
    """Run the observers of `config` for as long as the block lasts. Raises `ConfigError`."""
    stack = ExitStack()
    try:
        yield tuple(_entered(stack, config, metrics))
    finally:
        # Each writes what it still has, and may have to wait for that.
        await asyncio.to_thread(stack.close)


def _entered(stack: ExitStack, config: Config, metrics: Metrics) -> Iterator[Observer]:
    if config.recorder.folder is not None:
        yield stack.enter_context(recording(config.recorder.folder, config.recorder, metrics))
    if config.log.decisions > 0:
        yield stack.enter_context(logging_decisions(config.log, metrics))
    if config.tracing.collector is not None:
        yield stack.enter_context(_tracing(config.tracing.collector))


def _tracing(collector: Address) -> AbstractContextManager[Observer]:
    try:
        # OpenTelemetry is an extra.
        from semrouter_extproc.observe.tracing import tracing  # noqa: PLC0415
    except ImportError:
        fault = "tracing.collector: needs OpenTelemetry: pip install 'semrouter-extproc[otel]'"
        raise ConfigError("configuration", [fault]) from None
    return tracing(collector)
