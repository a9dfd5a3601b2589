"""Child processes that end when we do."""

import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from semrouter_extproc.errors import EnvironmentProblem
from semrouter_extproc.workbench.progress import Progress

_GUARD: Final = Path(__file__).with_name("guard.py")
_LINES_SHOWN: Final = 12
# What would make a child's interpreter load our packages instead of its own.
_INTERPRETER_SETTINGS: Final = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


@contextmanager
def guarded(
    command: Sequence[str | Path],
    *,
    output: int | IO[str],
    environment: Mapping[str, str] | None = None,
    grace: float = 10.0,
) -> Iterator["subprocess.Popen[str]"]:
    """Run a command beside the block; it ends with the block, and with this process.

    Its two outputs go to `output`, a file or `subprocess.PIPE`. Ctrl-C does not reach it.
    Leaving the block sends SIGTERM to all its processes, and SIGKILL after `grace` seconds.
    """
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-I", _GUARD, str(grace), *command],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,
        text=True,
        errors="replace",
    )
    try:
        yield process
    finally:
        # Not `with process`, which after Ctrl-C does not wait for the end.
        for pipe in (process.stdout, process.stdin):
            if pipe is not None:
                pipe.close()
        process.wait()


def run(
    command: Sequence[str | Path],
    *,
    progress: Progress,
    failure: str,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a command to its end and show its lines.

    Raises `EnvironmentProblem`, which starts with `failure` and ends with the last lines, if
    the exit code is not 0.
    """
    last: deque[str] = deque(maxlen=_LINES_SHOWN)
    with guarded(command, output=subprocess.PIPE, environment=environment) as process:
        for line in filter(None, map(str.strip, process.stdout or ())):
            last.append(line)
            progress.detail(line)
        code = process.wait()
    if code != 0:
        raise EnvironmentProblem("\n".join([f"{failure} (exit code {code}):", *last]))


def foreign_environment(**settings: str) -> dict[str, str]:
    """Our environment for a child with another interpreter, with `settings` on top."""
    kept = {name: value for name, value in os.environ.items() if name not in _INTERPRETER_SETTINGS}
    return kept | settings


def await_ready(
    name: str,
    process: "subprocess.Popen[str]",
    is_ready: Callable[[], bool],
    *,
    log: Path,
    progress: Progress,
    seconds: float,
) -> None:
    """Wait until `is_ready`, showing the last line of the log that `process` writes.

    Raises `EnvironmentProblem`, with the end of the log, if the process ends or `seconds`
    pass before.
    """
    give_up = time.monotonic() + seconds
    while not is_ready():
        if process.poll() is not None:
            raise EnvironmentProblem(f"{name} stopped while starting:\n{_end_of(log)}")
        if time.monotonic() > give_up:
            raise EnvironmentProblem(f"{name} was not ready in {seconds:g} s:\n{_end_of(log)}")
        progress.detail(_end_of(log, lines=1))
        time.sleep(0.25)


def _end_of(log: Path, lines: int = _LINES_SHOWN) -> str:
    return "\n".join(log.read_text(errors="replace").strip().splitlines()[-lines:])
