"""The log of decisions: a line for a share of the requests, with their prompts only if asked for.

Lines are written by a thread of their own, since a pipe may be full and a redaction slow.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

import structlog

from semrouter_extproc.config import Log as LogConfig
from semrouter_extproc.errors import ConfigError
from semrouter_extproc.observe.backlog import Backlog
from semrouter_extproc.observe.metrics import Logging, Metrics
from semrouter_extproc.observe.observer import Handled, facts_of, is_sampled

Redact = Callable[[str], str]
"""Returns what of a text may be logged. Called in one thread; may take its time, and may raise."""

_MOST_WAITING: Final = 4 * 1024 * 1024
_LINE_BYTES: Final = 1024
"""What a line takes in memory beside its prompt, generously."""

_PATIENCE: Final = 2.0

_log = structlog.get_logger(__name__)


class DecisionLog:
    """Logs the decisions that are `sampled`. Without `prompts`, no text of a request is in them."""

    def __init__(
        self, *, share: float, prompts: bool, redact: Redact | None, metrics: Metrics
    ) -> None:
        self._share = share
        self._prompts = prompts
        self._redact = redact
        self._metrics = metrics
        self._lines = Backlog(self._write, name="decision-log", room=_MOST_WAITING)

    def handled(self, request: Handled) -> None:
        """Take note of a decision. Belongs to the event loop's thread; never waits or raises."""
        if not is_sampled(request.id, self._share):
            return
        text = request.text if self._prompts else ""
        if not self._lines.put((_facts(request), text), _LINE_BYTES + len(text)):
            self._metrics.logged(Logging.DROPPED)

    def close(self) -> None:
        """Write what waits, for at most a few seconds: a pipe may be full."""
        self._lines.close(_PATIENCE)

    def _write(self, line: tuple[Mapping[str, Any], str]) -> None:
        facts, text = line
        prompt, outcome = self._redacted(text)
        _log.info("decided", **facts, **prompt)
        self._metrics.logged(outcome)

    def _redacted(self, text: str) -> tuple[Mapping[str, str], Logging]:
        """Return what is logged of a prompt. What cannot be redacted stays out."""
        if not text:
            return {}, Logging.WRITTEN
        if self._redact is None:
            return {"prompt": text}, Logging.WRITTEN
        try:
            return {"prompt": str(self._redact(text))}, Logging.WRITTEN
        except Exception:  # noqa: BLE001 - a function of the user's; its message may hold the text
            return {}, Logging.NOT_REDACTED


@contextmanager
def logging_decisions(config: LogConfig, metrics: Metrics) -> Iterator[DecisionLog]:
    """Log decisions as `config` says, for as long as the block lasts. Raises `ConfigError`."""
    redact = None if config.redact is None else redaction(config.redact)
    log = DecisionLog(
        share=config.decisions, prompts=config.prompts, redact=redact, metrics=metrics
    )
    try:
        yield log
    finally:
        log.close()


def redaction(name: str) -> Redact:
    """Return the function that `MODULE:FUNCTION` names. Raises `ConfigError`."""
    module, _, function = name.partition(":")
    try:
        found: Redact = getattr(import_module(module), function)
    except Exception as error:  # noqa: BLE001 - importing runs code of the user's
        fault = f"log.redact: cannot import {name}: {type(error).__name__}: {error}"
        raise ConfigError("configuration", [fault]) from None
    if not callable(found):
        raise ConfigError("configuration", [f"log.redact: {name} is no function"])
    return found


def _facts(request: Handled) -> Mapping[str, Any]:
    facts: dict[str, Any] = facts_of(request) | {
        "path": request.path,
        "milliseconds": round((request.ended - request.began) / 1e6, 2),
        "prompt_chars": len(request.text),
    }
    if "confidence" in facts:
        facts["confidence"] = round(facts["confidence"], 3)
    trace = _trace_of(request.traceparent)
    return facts if trace is None else facts | {"trace_id": trace}


def _trace_of(traceparent: str) -> str | None:
    """Return the trace's id; None outside of one, and for what is no `traceparent`."""
    _, _, rest = traceparent.partition("-")
    return rest.partition("-")[0] or None
