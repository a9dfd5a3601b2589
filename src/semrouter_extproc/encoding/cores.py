"""How many cores the encoder may keep busy, and for whom it makes way."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

CGROUP_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")

_NICER: Final = 10


def usable_cores(quota_file: Path = CGROUP_QUOTA) -> int:
    """Return the whole cores that this process really has, at least 1.

    In a container the machine's cores are all visible, but the quota is what counts: threads
    that share a core wait for each other at every layer of the model.
    """
    visible = len(os.sched_getaffinity(0))
    try:
        quota, period = quota_file.read_text().split()
        return max(1, min(visible, int(quota) // int(period)))
    except (OSError, ValueError):
        # No cgroup, or "max": no quota.
        return visible


def step_back() -> None:
    """Let the calling thread have a core only when the event loop does not want it."""
    # On Linux a thread has a niceness of its own; elsewhere it would be that of the process.
    if sys.platform == "linux":
        # A sandbox may forbid it.
        with suppress(OSError):
            os.nice(_NICER)
