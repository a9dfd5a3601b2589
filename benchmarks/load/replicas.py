"""Routers that can be replaced, each by one on the same ports."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import yaml
from load.stack import configuration

from semrouter_extproc.config import Address
from semrouter_extproc.workbench.loopback import answers, reserved_ports
from semrouter_extproc.workbench.processes import await_ready, guarded
from semrouter_extproc.workbench.progress import Progress

_READY_WITHIN: Final = 120.0
_GONE_WITHIN: Final = 60.0


class Replica:
    """A router that can be replaced; Envoy finds it, and every successor, at `address`."""

    def __init__(self, page: Path, address: Address, admin: Address, progress: Progress) -> None:
        self.address = address
        self._page = page
        self._admin = admin
        self._progress = progress
        self._running = ExitStack()

    def start(self) -> None:
        """Run `semrouter serve`, and wait until it is ready."""
        log = self._page.with_name("router.log")
        command = [sys.executable, "-m", "semrouter_extproc", "serve", "--config", str(self._page)]
        output = self._running.enter_context(log.open("a"))
        self._process = self._running.enter_context(
            guarded(command, output=output, grace=_GONE_WITHIN)
        )
        await_ready(
            "The router",
            self._process,
            partial(answers, self._admin, "/readyz"),
            log=log,
            progress=self._progress,
            seconds=_READY_WITHIN,
        )

    def stop(self) -> None:
        """Tell it to end, and wait until it has."""
        self._running.close()

    def replace(self) -> None:
        """Stop one, which must end in order, and start the next."""
        self.stop()
        if self._process.returncode != 0:
            raise RuntimeError(f"a router ended with {self._process.returncode}")
        self.start()


@contextmanager
def running_replicas(
    number: int, upstream: Address, folder: Path, progress: Progress
) -> Iterator[Sequence[Replica]]:
    """Run so many routers, with every default but the ports."""
    with ExitStack() as running:
        replicas = []
        for each in range(number):
            grpc, admin = running.enter_context(reserved_ports(2))
            page = _written(folder / str(each), upstream, grpc, admin)
            replica = Replica(page, grpc, admin, progress)
            running.callback(replica.stop)
            replica.start()
            replicas.append(replica)
        yield replicas


def _written(folder: Path, upstream: Address, grpc: Address, admin: Address) -> Path:
    folder.mkdir()
    config = configuration(upstream, {"server": {"grpc": str(grpc), "admin": str(admin)}})
    page = folder / "semrouter.yaml"
    page.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    return page
