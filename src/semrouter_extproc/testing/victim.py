"""A server that is there to be harmed: killed, paused, starved."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from semrouter_extproc.config import Address
from semrouter_extproc.errors import EnvironmentProblem
from semrouter_extproc.testing.conversations import RECORDED, read
from semrouter_extproc.testing.envoy import Broken
from semrouter_extproc.testing.playing import play

_GREETING: Final = RECORDED / "buffered-get.jsonl.gz"
_LOG_LINES_SHOWN: Final = 12


class Victim:
    """The processor that `command` runs, with all its processes; it listens at `address`.

    `log` receives what it prints.
    """

    def __init__(self, command: Sequence[str | Path], address: Address, log: Path) -> None:
        self.address = address
        self.log = log
        self._command = command

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Run it for as long as the block lasts, however often it is killed."""
        self.start()
        try:
            yield self
        finally:
            self.kill()

    @property
    def pid(self) -> int:
        """The id of its process and of its process group."""
        return self._process.pid

    def start(self, *, ready_within: float = 60.0) -> None:
        """Start it and wait until it answers. Raises `EnvironmentProblem` if it does not."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the user's own command
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        give_up = time.monotonic() + ready_within
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.kill()
                raise EnvironmentProblem(f"the server does not answer:\n{self._end_of_log()}")

    def _answers(self) -> bool:
        heard = play(str(self.address), read(_GREETING), patience=5.0).outcome
        return heard is not None and not isinstance(heard, Broken)

    def _end_of_log(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:])

    def kill(self) -> None:
        """End it without a chance to say anything."""
        if self._process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def pause(self) -> None:
        """Have it do nothing more; its connections stay."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.killpg(self.pid, signal.SIGCONT)

    def starve(self) -> None:
        """Let it open no more files or connections than it has."""
        _, most = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        opened = {int(each.name) for each in Path(f"/proc/{self.pid}/fd").iterdir()}
        # The limit is of numbers, and the lowest that is free is given next.
        next_number = min(set(range(len(opened) + 1)) - opened)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (next_number, most))

    def feed(self) -> None:
        """Let it open as many as it may."""
        _, most = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (most, most))
