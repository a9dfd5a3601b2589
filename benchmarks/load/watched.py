"""One router behind one Envoy, a model's stand-in that counts, and clients of every kind."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from load.stack import running_stack
from load.traffic import CLASSIFIED

from semrouter_extproc.config import Address
from semrouter_extproc.workbench.progress import Progress
from support.load.footprint import only_child
from support.load.material import mixed
from support.load.offering import all_due, offered
from support.load.serving import CountingUpstream, counting_upstream
from support.load.site import Site

_CALLERS: Final = 16
_ROUNDS: Final = 4
_SECONDS: Final = 20.0
_MOST: Final = 30_000
"""More than can be asked in this time."""


@dataclass(frozen=True, slots=True)
class Watched:
    """All that runs."""

    address: Address
    site: Site
    upstream: CountingUpstream

    @property
    def processes(self) -> Sequence[int]:
        """The numbers of those that serve."""
        return [self.site.router, self.site.envoy, only_child(self.upstream.pid)]


@contextmanager
def running_watched(progress: Progress) -> Iterator[Watched]:
    """Run everything with every default for as long as the block lasts."""
    progress.step("Starting the router and Envoy")
    with (
        TemporaryDirectory() as folder,
        counting_upstream() as upstream,
        running_stack(upstream.address, Path(folder, "stack"), progress) as stack,
    ):
        (router,) = stack.routers
        site = Site(only_child(router.pid), router.admin, stack.envoy.pid, stack.envoy.admin)
        yield Watched(stack.address, site, upstream)


def saturation(watched: Watched, texts: Sequence[str]) -> float:
    """Return how many a second are classified for callers who wait for their answers.

    It is the lowest of some rounds: the pace of a shared machine changes by the minute.
    """
    rates = []
    first = 0
    for _ in range(1 + _ROUNDS):
        plan = all_due(watched.address, texts, [0.0] * _MOST, mixed(_MOST), first=first)
        outcomes = offered(msgspec.structs.replace(plan, most=_CALLERS, seconds=_SECONDS))
        rates.append(sum(each.reason in CLASSIFIED for each in outcomes) / _SECONDS)
        first += len(outcomes)
    # The first warms up everything.
    return min(rates[1:])
