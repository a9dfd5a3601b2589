"""Keeps a share of the requests on disk, with what was decided about them.

A row is a line of JSON: `{"id", "time", "path", "body", "decision"}`, `wish` where the client sent
the header `x-reasoning`, and `redacted` where the body holds lengths and no texts. `body` is what
the client sent: an object, or a text where it is no plain JSON.

Nothing here can fail or delay a request. Rows wait, in bounded memory, for a thread that writes;
what it cannot write is counted, and logged once.
"""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b
from queue import SimpleQueue
from typing import Any, Final

import msgspec
import structlog
from msgspec.structs import replace

from semrouter_extproc.config import Recorder as RecorderConfig
from semrouter_extproc.core.policy import Decision
from semrouter_extproc.observe.journal import Journal
from semrouter_extproc.observe.metrics import Metrics, Recording
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


def is_sampled(request_id: str, share: float) -> bool:
    """Say whether a request is among the `share` (0 to 1) that is recorded.

    It depends on the id alone, so that whoever knows it agrees: other replicas, other tools.
    """
    digest = blake2b(request_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * 2.0**64


class Recorder:
    """Records the requests that are `sampled`, for as long as it is not closed.

    With `redact`, no text of a request reaches the disk.
    """

    def __init__(self, journal: Journal, *, share: float, redact: bool, metrics: Metrics) -> None:
        self._journal = journal
        self._share = share
        self._redact = redact
        self._metrics = metrics
        self._rows: SimpleQueue[Row | None] = SimpleQueue()
        # Each is written by one thread only; their difference is what waits.
        self._taken = 0
        self._done = 0
        self._is_logged = False
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._thread.start()

    def record(
        self, request_id: str, path: str, body: bytes, decision: Decision, *, wish: str | None
    ) -> None:
        """Take note of a decision. Belongs to the event loop's thread; never waits or raises."""
        if not request_id:
            self._metrics.recorded(Recording.NO_ID)
        elif not is_sampled(request_id, self._share):
            return
        elif len(body) > LARGEST_BODY:
            self._metrics.recorded(Recording.TOO_LARGE)
        elif self._taken - self._done + len(body) > _MOST_WAITING:
            self._metrics.recorded(Recording.DROPPED)
        else:
            self._taken += len(body) + _ROW_BYTES
            self._rows.put(Row(request_id, time.time(), path, body, decision, wish))

    def close(self, patience: float = _PATIENCE) -> None:
        """Write what waits, for at most `patience` seconds: a disk may hang."""
        self._rows.put(None)
        self._thread.join(patience)
        if self._thread.is_alive():
            _log.error("recorded requests were not written in time", bytes=self._taken - self._done)

    def _work(self) -> None:
        while (row := self._rows.get()) is not None:
            self._write(row)
            self._done += len(row.body) + _ROW_BYTES
        self._journal.close()

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


@asynccontextmanager
async def recording(config: RecorderConfig, metrics: Metrics) -> AsyncIterator[Recorder | None]:
    """Keep requests as `config` says, for as long as the block lasts."""
    if config.folder is None:
        yield None
        return
    recorder = Recorder(
        Journal(config.folder, config.max_bytes),
        share=config.share,
        redact=config.redact == "text",
        metrics=metrics,
    )
    _log.info("recording", folder=str(config.folder), share=config.share, redact=config.redact)
    try:
        yield recorder
    finally:
        await asyncio.to_thread(recorder.close)


def _line(row: Row, *, redact: bool) -> bytes:
    if redact:
        # What clients write into a header that does not count could be anything.
        kept = replace(row, body=without_text(row.body), wish=None, redacted=True)
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
