"""One bash for the commands of a document: what one defines or starts is there for the next."""

import os
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from support.documents import BASH

_END = "end of the command, with code "


class Shell:
    """A bash in `folder`; leaving the block ends all that was started in it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment

    def __enter__(self) -> Self:
        self._bash = subprocess.Popen(
            [BASH, "--noprofile", "--norc"],
            cwd=self._folder,
            env=os.environ | self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.communicate()

    def run(self, command: str) -> tuple[int, str]:
        """Return the exit code of a command, and what it printed."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f'{command}\nprintf "\\n{_END}%s\\n" $?\n')
        self._bash.stdin.flush()
        printed: list[str] = []
        for line in self._bash.stdout:
            if line.startswith(_END):
                return int(line.removeprefix(_END)), "".join(printed)
            printed.append(line)
        raise AssertionError(f"bash has ended: {''.join(printed)}")
