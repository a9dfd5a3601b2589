"""The counting upstream, as a process."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from semrouter_extproc.config import Address
from semrouter_extproc.workbench.loopback import answers, get, reserved_ports
from semrouter_extproc.workbench.processes import guarded
from support.eventually import eventually

_FOLDER: Final = Path(__file__).parents[2]
_READY_WITHIN: Final = 30.0


@dataclass(frozen=True, slots=True)
class CountingUpstream:
    """A running one."""

    address: Address
    pid: int

    def asked(self) -> int:
        """Return how many requests came."""
        counts = self.counts()
        return counts["answers"] + counts["streams"]

    def counts(self) -> Mapping[str, int]:
        """Return how many answers, streams, and of these whole and cut ones, there were."""
        counts: dict[str, int] = json.loads(get(self.address, "/counts"))
        return counts


@contextmanager
def counting_upstream() -> Iterator[CountingUpstream]:
    """Run one for as long as the block lasts."""
    with reserved_ports(1) as (address,):
        command = [sys.executable, str(_FOLDER / "support" / "load" / "upstream.py")]
        with guarded([*command, str(address.port)], output=subprocess.DEVNULL) as process:
            if not eventually(lambda: answers(address, "/health"), seconds=_READY_WITHIN):
                raise RuntimeError("the upstream does not answer")
            yield CountingUpstream(address, process.pid)
