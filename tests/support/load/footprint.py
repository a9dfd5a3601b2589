"""What a running process holds, as the kernel counts it."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_RESIDENT: Final = 1
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_CPU: Final = slice(11, 13)
"""In user mode and in the kernel's, counted after the command, whose name may hold blanks."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """Memory in MB, threads, and descriptors."""

    megabytes: float
    threads: int
    descriptors: int

    @classmethod
    def of(cls, pid: int) -> Self:
        """Look at one process, without its children."""
        folder = Path(f"/proc/{pid}")
        pages = int((folder / "statm").read_text().split()[_RESIDENT])
        return cls(
            megabytes=round(pages * _PAGE_BYTES / 1e6, 2),
            threads=len(list((folder / "task").iterdir())),
            descriptors=len(list((folder / "fd").iterdir())),
        )


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU seconds of these processes since they started, without their children."""
    rows = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(ticks) for row in rows for ticks in row[_CPU]) / _TICKS_PER_SECOND


def peak_megabytes(pid: int) -> float:
    """Return the most memory that a process has held since the last `forget_peak`."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return round(int(peak) * 1024 / 1e6, 1)


def forget_peak(pid: int) -> None:
    """Count the most memory anew from now on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def only_child(pid: int) -> int:
    """Return the process that another one guards."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    (child,) = (int(each) for task in tasks for each in (task / "children").read_text().split())
    return child
