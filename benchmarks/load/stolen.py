"""The time that a virtual machine wanted its cores and did not get them."""

import os
from pathlib import Path
from typing import Final, NamedTuple, Self

_IDLE: Final = slice(3, 5)
"""Without work, and waiting for a disk."""

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_STEAL: Final = 7
_COUNTED: Final = 8
"""Time in guests comes after these, and is in the first of them too."""


class CoreTime(NamedTuple):
    """Ticks of all cores since the machine started."""

    total: int
    idle: int
    stolen: int

    @classmethod
    def now(cls) -> Self:
        """Read them from the kernel."""
        _, *ticks = Path("/proc/stat").read_text().splitlines()[0].split()
        counted = [int(tick) for tick in ticks[:_COUNTED]]
        return cls(sum(counted), sum(counted[_IDLE]), counted[_STEAL])

    def stolen_since(self, before: "CoreTime") -> float:
        """Return the share of the cores' time since then that others got."""
        return (self.stolen - before.stolen) / (self.total - before.total)

    def others_since(self, before: "CoreTime", own: float) -> float:
        """Return the share of it that was worked beside `own` CPU seconds of ours."""
        total, idle, stolen = (now - then for now, then in zip(self, before, strict=True))
        return max(total - idle - stolen - own * _TICKS_PER_SECOND, 0) / total
