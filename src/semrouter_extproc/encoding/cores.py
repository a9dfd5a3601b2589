"""How many cores the encoder may keep busy."""

import os
from pathlib import Path
from typing import Final

CGROUP_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")


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
