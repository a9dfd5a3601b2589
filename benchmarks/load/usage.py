"""What processes use of the machine, as the kernel counts it."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")

# Positions in /proc/PID/stat after the command's name, which may hold blanks itself.
_USER, _SYSTEM, _RESIDENT = 11, 12, 21


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds since the start, and bytes of memory now."""

    cpu: float
    resident: int

    @classmethod
    def of(cls, pids: Iterable[int]) -> Self:
        """Add up processes and the children they have now."""
        rows = [_stat(each) for pid in pids for each in _tree(pid)]
        return cls(
            cpu=sum(int(row[_USER]) + int(row[_SYSTEM]) for row in rows) / _TICKS_PER_SECOND,
            resident=sum(int(row[_RESIDENT]) for row in rows) * _PAGE_BYTES,
        )


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _tree(int(child))
