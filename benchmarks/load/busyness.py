"""How busy the machine is, and with whose work."""

from collections.abc import Sequence
from typing import NamedTuple

from load.stolen import CoreTime

from support.load.footprint import cpu_seconds


class Busyness(NamedTuple):
    """Shares of the cores' time: what the virtual machine did not get, and what others here got."""

    stolen: float
    others: float


class Clock:
    """Tells how busy it was since it was asked before."""

    def __init__(self, own: Sequence[int]) -> None:
        self._own = own
        self._cores, self._spent = self._now()

    def lap(self) -> Busyness:
        """Return what was between the lap before and now."""
        cores, spent = self._now()
        stolen = cores.stolen_since(self._cores)
        others = cores.others_since(self._cores, spent - self._spent)
        self._cores, self._spent = cores, spent
        return Busyness(round(stolen, 3), round(others, 3))

    def _now(self) -> tuple[CoreTime, float]:
        return CoreTime.now(), cpu_seconds(self._own)
