"""Logs: one JSON object a line where machines read, aligned text on a terminal."""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import structlog
from structlog.stdlib import ProcessorFormatter

from semrouter_extproc.observe.backlog import Backlog

_MOST_WAITING: Final = 10_000
"""Lines."""

_PATIENCE: Final = 2.0

_STAMPED: Final[Sequence[structlog.typing.Processor]] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure() -> None:
    """Send every log line of this process to standard error, from info on."""
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(
        # What libraries log by the standard library becomes the same kind of line.
        ProcessorFormatter(
            processors=[ProcessorFormatter.remove_processors_meta, *_rendering()],
            foreign_pre_chain=_STAMPED,
        )
    )
    # A full disk or a closed pipe must cost a log line, not a request.
    logging.raiseExceptions = False
    logging.basicConfig(handlers=[stream], level=logging.INFO, force=True)
    for chatty in ("httpx", "httpx2", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*_STAMPED, ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


@contextmanager
def written_aside() -> Iterator[None]:
    """Have a thread write the lines for as long as the block lasts.

    Where nobody reads the pipe, lines wait, then they are lost; who logs never waits.
    """
    root = logging.getLogger()
    (stream,) = root.handlers
    lines = Backlog(stream.handle, name="log", room=_MOST_WAITING)
    root.handlers = [_Aside(lines)]
    try:
        yield
    finally:
        root.handlers = [stream]
        lines.close(_PATIENCE)


class _Aside(logging.Handler):
    """Hands lines over as they are: they are rendered by who writes them."""

    def __init__(self, lines: Backlog[logging.LogRecord]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a line over, where there is room. Never waits."""
        self._lines.put(record, 1)


def _rendering() -> list[structlog.typing.Processor]:
    # The default formatter would show local variables, and with them a prompt.
    if sys.stderr.isatty():
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
