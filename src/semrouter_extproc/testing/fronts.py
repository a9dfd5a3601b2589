"""An Envoy for each body mode, failing open and closed, before one processor."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from semrouter_extproc.config import Address
from semrouter_extproc.envoy.launcher import EnvoyProcess
from semrouter_extproc.testing.plain_envoy import bootstrap
from semrouter_extproc.workbench.loopback import reserved_ports

MESSAGE_TIMEOUT: Final = "3s"


@dataclass(frozen=True)
class Kind:
    """How an Envoy asks. `mode` is a name of `BodySendMode`."""

    mode: str
    fail_open: bool

    @property
    def name(self) -> str:
        """Mode and failing, in words."""
        return f"{self.mode}, fail-{'open' if self.fail_open else 'closed'}"


KINDS: Final = (
    Kind("BUFFERED", fail_open=True),
    Kind("BUFFERED", fail_open=False),
    Kind("STREAMED", fail_open=True),
    Kind("STREAMED", fail_open=False),
    # Here Envoy has given the body away, and has nothing left to fail open with.
    Kind("FULL_DUPLEX_STREAMED", fail_open=False),
)


@dataclass(frozen=True)
class Front:
    """A running Envoy."""

    kind: Kind
    address: Address


Bootstraps = Callable[[Kind, Address, Address], str]
"""From a kind, and where Envoy listens to clients and to its operator, to a bootstrap in YAML."""


def plain(processor: Address, model: Address) -> Bootstraps:
    """Return the bootstraps of Envoys that send everything to one model."""

    def bootstrap_of(kind: Kind, listen: Address, admin: Address) -> str:
        return bootstrap(
            kind.mode,
            listen=listen,
            admin=admin,
            processor=processor,
            model=model,
            fail_open=kind.fail_open,
            message_timeout=MESSAGE_TIMEOUT,
        )

    return bootstrap_of


@contextmanager
def running_fronts(bootstrap_of: Bootstraps, folder: Path) -> Iterator[Sequence[Front]]:
    """Run an Envoy of each kind for as long as the block lasts; logs go into `folder`."""
    with ExitStack() as stack:
        ports = stack.enter_context(reserved_ports(2 * len(KINDS)))
        fronts = []
        for kind, listen, admin in zip(KINDS, ports[::2], ports[1::2], strict=True):
            own = folder / kind.name.replace(", ", "-")
            own.mkdir(exist_ok=True)
            stack.enter_context(EnvoyProcess(bootstrap_of(kind, listen, admin), own))
            fronts.append(Front(kind, listen))
        yield fronts
