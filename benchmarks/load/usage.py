"""What processes use of the machine, as the kernel counts it."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")

# Positions in a `stat` after the command's name, which may hold blanks itself.
_USER, _SYSTEM, _NICE, _RESIDENT = 11, 12, 16, 21


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds since the start, and bytes of memory now.

    `yielding` are the CPU seconds of threads that let the others of their process go first: in
    a router, those that encode.
    """

    cpu: float
    yielding: float
    resident: int

    @classmethod
    def of(cls, pids: Iterable[int]) -> Self:
        """Add up processes and the children they have now."""
        processes = [each for pid in pids for each in _tree(pid)]
        rows = [_stat(Path(f"/proc/{each}/stat")) for each in processes]
        return cls(
            cpu=sum(map(_seconds, rows)),
            yielding=sum(map(_yielding, processes)),
            resident=sum(int(row[_RESIDENT]) for row in rows) * _PAGE_BYTES,
        )


def _stat(path: Path) -> Sequence[str]:
    return path.read_text().rpartition(")")[2].split()


def _seconds(row: Sequence[str]) -> float:
    return (int(row[_USER]) + int(row[_SYSTEM])) / _TICKS_PER_SECOND


def _yielding(pid: int) -> float:
    threads = [_stat(each / "stat") for each in Path(f"/proc/{pid}/task").iterdir()]
    usual = min(int(row[_NICE]) for row in threads)
    return sum(_seconds(row) for row in threads if int(row[_NICE]) > usual)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _tree(int(child))
