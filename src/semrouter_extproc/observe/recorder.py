"""Keeps a share of the requests on disk, with what was decided about them.

A row is a line of JSON: `{"id", "time", "path", "body", "decision"}`, `wish` where the client sent
the header `x-reasoning`, and `redacted` where the body holds lengths and no texts. `body` is what
the client sent: an object, or a text where it is no plain JSON.

Nothing here can fail or delay a request. Rows wait, in bounded memory, for a thread that writes;
what it cannot write is counted, and logged once.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from msgspec.structs import replace

from semrouter_extproc.config import Recorder as RecorderConfig
from semrouter_extproc.core.policy import Decision
from semrouter_extproc.observe.backlog import Backlog
from semrouter_extproc.observe.journal import Journal
from semrouter_extproc.observe.metrics import Metrics, Recording
from semrouter_extproc.observe.observer import Handled, is_sampled
from semrouter_extproc.observe.redaction import without_text

LARGEST_BODY: Final = 1024 * 1024
"""Reading a larger one would hold up the event loop for milliseconds, by Python's lock."""

_MOST_WAITING: Final = 16 * 1024 * 1024
_ROW_BYTES: Final = 1024
"""What a row takes in memory beside its body, generously."""

_PATIENCE: Final = 2.0

_log = structlog.get_logger(__name__)


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request: `time` is in seconds since 1970, `body` any JSON."""

    id: str
    time: float
    path: str
    body: Any
    decision: Decision
    wish: str | None = None
    redacted: bool = False


class Recorder:
    """Records the requests that are `sampled`, for as long as it is not closed.

    With `redact`, no text of a request reaches the disk.
    """

    def __init__(self, journal: Journal, *, share: float, redact: bool, metrics: Metrics) -> None:
        self._journal = journal
        self._share = share
        self._redact = redact
        self._metrics = metrics
        self._is_logged = False
        self._rows = Backlog(self._write, name="recorder", room=_MOST_WAITING)

    def handled(self, request: Handled) -> None:
        """Take note of a request. Belongs to the event loop's thread; never waits or raises."""
        if request.refused:
            return
        if not request.id:
            self._metrics.recorded(Recording.NO_ID)
        elif not is_sampled(request.id, self._share):
            return
        elif len(request.body) > LARGEST_BODY:
            self._metrics.recorded(Recording.TOO_LARGE)
        elif not self._rows.put(_row(request), len(request.body) + _ROW_BYTES):
            self._metrics.recorded(Recording.DROPPED)

    def close(self, patience: float = _PATIENCE) -> None:
        """Write what waits, for at most `patience` seconds: a disk may hang."""
        if self._rows.close(patience):
            self._journal.close()
        else:
            _log.error("recorded requests were not written in time", bytes=self._rows.waiting)

    def _write(self, row: Row) -> None:
        try:
            self._journal.append(_line(row, redact=self._redact))
        except Exception as error:  # noqa: BLE001 - the thread must outlive every disk and body
            self._metrics.recorded(Recording.FAILED)
            self._log_once(error)
        else:
            self._metrics.recorded(Recording.WRITTEN)

    def _log_once(self, error: Exception) -> None:
        if self._is_logged:
            return
        self._is_logged = True
        # Only the disk's own messages are free of prompts.
        told = str(error) if isinstance(error, OSError) else type(error).__name__
        _log.error("recording failed; semrouter_recordings_total counts on", error=told)


@contextmanager
def recording(folder: Path, config: RecorderConfig, metrics: Metrics) -> Iterator[Recorder]:
    """Keep requests in `folder` as `config` says, for as long as the block lasts."""
    recorder = Recorder(
        Journal(folder, config.max_bytes),
        share=config.share,
        redact=config.redact == "text",
        metrics=metrics,
    )
    _log.info("recording", folder=str(folder), share=config.share, redact=config.redact)
    try:
        yield recorder
    finally:
        recorder.close()


def _row(request: Handled) -> Row:
    return Row(
        id=request.id,
        time=request.began / 1e9,
        path=request.path,
        body=request.body,
        decision=request.decision,
        wish=request.wish,
    )


def _line(row: Row, *, redact: bool) -> bytes:
    if redact:
        # What clients write into a header that does not count could be anything.
        body = without_text(row.body, is_model_known=row.decision.model is not None)
        kept = replace(row, body=body, wish=None, redacted=True)
    else:
        kept = replace(row, body=_verbatim(row.body))
    return msgspec.json.encode(kept) + b"\n"


def _verbatim(body: bytes) -> msgspec.Raw | str:
    """Return the body's own bytes in one line, or as a text what only Python takes for JSON."""
    try:
        body.decode()
        msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        encoding = json.detect_encoding(body)
        return body.decode(encoding, "replace")
    # Between the members of plain JSON, and nowhere else, a line may end.
    return msgspec.Raw(body.replace(b"\n", b" ").replace(b"\r", b" "))
