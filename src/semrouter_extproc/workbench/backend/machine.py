"""What a machine needs to run vLLM on its CPU."""

import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Self

from semrouter_extproc.errors import EnvironmentProblem

_OLDEST_PYTHON: Final = (3, 11)
_NEWEST_PYTHON: Final = (3, 14)
_OLDEST_GLIBC: Final = (2, 31)
_BYTES_NEEDED: Final = 10 * 1024**3

_INSTEAD: Final = (
    "Where Docker runs, `docker compose -f deploy/compose/compose.yaml up`, called in a checkout "
    "of this project, starts Envoy, the router and vLLM in containers. Or run vLLM elsewhere, with "
    "your model and the names auto and MoM in --served-model-name, put its address under models in "
    "the configuration, and start `semrouter serve`."
)


@dataclass(frozen=True, slots=True)
class Machine:
    """The facts that decide."""

    system: str
    processor: str
    python: tuple[int, int]
    implementation: str
    libc: tuple[str, str]
    makes_environments: bool

    @classmethod
    def here(cls) -> Self:
        """Look at this machine."""
        return cls(
            system=platform.system(),
            processor=platform.machine(),
            python=sys.version_info[:2],
            implementation=platform.python_implementation(),
            libc=platform.libc_ver(),
            makes_environments=all(map(find_spec, ("venv", "ensurepip"))),
        )

    def faults(self) -> Iterator[str]:
        """Say what is in the way of vLLM, each as one sentence."""
        if (self.system, self.processor) != ("Linux", "x86_64"):
            yield f"vLLM's CPU build needs Linux x86_64; this is {self.system} {self.processor}."
            return
        if self.libc[0] != "glibc" or _version(self.libc[1]) < _OLDEST_GLIBC:
            yield f"It needs glibc 2.31 or later; this is {' '.join(self.libc).strip() or 'none'}."
        if self.implementation != "CPython" or not (
            _OLDEST_PYTHON <= self.python <= _NEWEST_PYTHON
        ):
            version = ".".join(map(str, self.python))
            yield f"It needs CPython 3.11 to 3.14; this is {self.implementation} {version}."
        if not self.makes_environments:
            yield "Python's venv module is missing; on Debian, `apt install python3-venv` adds it."


def require(machine: Machine) -> None:
    """Raise `EnvironmentProblem` if vLLM cannot run on `machine`."""
    faults = list(machine.faults())
    if faults:
        raise EnvironmentProblem(" ".join(["vLLM cannot run here.", *faults, _INSTEAD]))


def require_room(folder: Path, free: int) -> None:
    """Raise `EnvironmentProblem` if `free` bytes are too few to install vLLM below `folder`."""
    if free < _BYTES_NEEDED:
        raise EnvironmentProblem(
            f"Installing vLLM takes up to 10 GB, and {folder} has {free / 1024**3:.1f} GB free. "
            "Make room, or let XDG_CACHE_HOME name a folder on another disk."
        )


def free_bytes(folder: Path) -> int:
    """Return the room where `folder` lies or is going to lie."""
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    return shutil.disk_usage(existing).free


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
