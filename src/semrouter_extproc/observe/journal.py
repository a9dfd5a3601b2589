"""Lines in files of a folder that is kept small, whoever else writes there.

Each process appends to a file of its own. Names begin with the time, so that their order is that
of age, and end with something random, so that workers and replicas can share the folder.
"""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

PATTERN: Final = "requests-*.jsonl"

_FILES: Final = 16
"""How many full files fit into the folder."""

_LOOKS: Final = 128
"""How often a process that fills the whole folder looks what others have written.

Between two looks it may write that share of the bound. An eighth is kept free for such bytes, and
so the bound holds for 16 processes.
"""

_OWN: Final = 0o600


class Journal:
    """Appends lines, and removes the oldest files before all of them exceed `max_bytes`.

    For one thread. Every method raises `OSError` where the disk does not take it; a later call
    tries again.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._longest = max_bytes // _FILES
        self._step = max_bytes // _LOOKS
        self._bound = max_bytes - max_bytes // 8
        self._file: Path | None = None
        self._descriptor = -1
        self._size = 0
        self._unseen = 0

    def append(self, line: bytes) -> None:
        """Write one line, which must end with its line feed, or nothing of it."""
        if self._file is None or self._size + len(line) > self._longest or self._was_removed():
            self._turn(len(line))
        elif self._unseen + len(line) > self._step:
            self._make_room(len(line))
        self._write(line)

    def close(self) -> None:
        """Leave the file as it is."""
        if self._file is not None:
            self._file = None
            os.close(self._descriptor)

    def _turn(self, coming: int) -> None:
        self.close()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._make_room(coming)
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        file = self._folder / PATTERN.replace("*", f"{moment}-{secrets.token_hex(4)}")
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(file, flags, _OWN)
        self._file, self._size = file, 0

    def _was_removed(self) -> bool:
        """Say whether another process needed the room: what is written now, nobody would find."""
        try:
            return os.fstat(self._descriptor).st_nlink == 0
        except OSError:
            return True  # as on a disk of the network that was away

    def _make_room(self, coming: int) -> None:
        sizes = dict(sorted(self._sizes()))
        total = sum(sizes.values()) + coming
        for file, size in sizes.items():
            if total <= self._bound:
                break
            if file != self._file:
                file.unlink(missing_ok=True)
                total -= size
        self._unseen = 0

    def _sizes(self) -> Iterator[tuple[Path, int]]:
        for file in self._folder.glob(PATTERN):
            # Another process may remove it first.
            with suppress(FileNotFoundError):
                yield file, file.stat().st_size

    def _write(self, line: bytes) -> None:
        written = os.write(self._descriptor, line)
        if written < len(line):
            # Half a line would make the file unreadable.
            os.ftruncate(self._descriptor, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._file))
        self._size += written
        self._unseen += written
