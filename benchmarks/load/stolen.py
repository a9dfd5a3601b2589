"""The time that a virtual machine wanted its cores and did not get them."""

from pathlib import Path
from typing import Final, NamedTuple, Self

_STEAL: Final = 7
_COUNTED: Final = 8
"""Time in guests comes after these, and is in the first of them too."""


class CoreTime(NamedTuple):
    """Ticks of all cores since the machine started."""

    total: int
    stolen: int

    @classmethod
    def now(cls) -> Self:
        """Read them from the kernel."""
        _, *ticks = Path("/proc/stat").read_text().splitlines()[0].split()
        counted = [int(tick) for tick in ticks[:_COUNTED]]
        return cls(sum(counted), counted[_STEAL])

    def stolen_since(self, before: "CoreTime") -> float:
        """Return the share of the cores' time since then that others got."""
        return (self.stolen - before.stolen) / (self.total - before.total)
