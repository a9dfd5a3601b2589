"""Logs: one JSON object a line where machines read, aligned text on a terminal."""

import logging
import sys

import structlog


def configure() -> None:
    """Send every log line of this process to standard error, from info on."""
    # The default formatter would show local variables, and with them a prompt.
    as_text = [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    as_json = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    # The standard library writes the lines, since its handlers swallow what goes wrong: a
    # full disk or a closed pipe must cost a log line, not a request.
    logging.raiseExceptions = False
    logging.basicConfig(format="%(message)s", stream=sys.stderr, level=logging.INFO, force=True)
    for chatty in ("httpx", "httpx2", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(as_text if sys.stderr.isatty() else as_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
