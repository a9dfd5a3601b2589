"""Folders that are built once, under a name that changes with what they are built from."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

from semrouter_extproc.workbench.progress import Progress

_MARKER: Final = ".complete"


def default_cache() -> Path:
    """Return where everything is kept: `semrouter` in the user's cache (XDG_CACHE_HOME)."""
    return user_cache_path("semrouter")


def digest(*ingredients: str) -> str:
    """Return 16 hexadecimal digits that differ when any ingredient does."""
    parts = (f"{len(each)}:{each}" for each in ingredients)
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]


def is_complete(folder: Path) -> bool:
    """Say whether `folder` was built to its end."""
    return (folder / _MARKER).is_file()


def prepared(folder: Path, build: Callable[[Path], None], progress: Progress) -> Path:
    """Return `folder` after `build` has filled it, now or at some earlier time.

    Of several processes one builds and the others wait. What an interrupted build left is
    thrown away.
    """
    if is_complete(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _exclusive(folder.with_name(f"{folder.name}.lock"), progress):
        if not is_complete(folder):
            if folder.exists():
                shutil.rmtree(folder)
            folder.mkdir()
            build(folder)
            (folder / _MARKER).touch()
    return folder


@contextmanager
def _exclusive(lock: Path, progress: Progress) -> Iterator[None]:
    # Not at the top: it is missing on Windows, where the demo must still say that it needs
    # Linux.
    import fcntl  # noqa: PLC0415

    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.step(f"Waiting for another process that prepares {lock.stem}")
            fcntl.flock(file, fcntl.LOCK_EX)
        # Closing the file releases the lock, and so does the death of this process.
        yield
