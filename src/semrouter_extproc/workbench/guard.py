"""Runs one command, and ends it with all its children once the starter is gone.

A script for the standard library alone: `python -I guard.py GRACE COMMAND...`. The starter
holds the other end of the guard's standard input. When that closes, which the kernel sees to
however the starter died, the command's process group gets SIGTERM and after GRACE seconds
SIGKILL.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType


def main(grace: float, command: Sequence[str]) -> int:
    """Run `command` to its end or ours, and return its exit code as a shell would."""
    signal.signal(signal.SIGTERM, _leave)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)  # noqa: S603 - the starter's own
    try:
        _await_end(child.pid, grace)
    finally:
        # Before `wait`, as the group's number is ours only until its leader is reaped.
        os.killpg(child.pid, signal.SIGKILL)
    code = child.wait()
    return code if code >= 0 else 128 - code


def _await_end(pid: int, grace: float) -> None:
    """Wait until the command ends or has had its `grace` after the starter's end."""
    ended = os.pidfd_open(pid)
    ready, _, _ = select.select([ended, sys.stdin], [], [])
    if ended not in ready:
        os.killpg(pid, signal.SIGTERM)
        select.select([ended], [], [], grace)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
