"""What the admin port shows of the router, as far as it has been built."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from semrouter_extproc.assembly import Edition
from semrouter_extproc.core.apis import Api
from semrouter_extproc.explaining import Explanation

Explain = Callable[[bytes, Api, str | None], Awaitable[Explanation]]
"""From a body, its API and what the header `x-reasoning` says to an explanation."""


@dataclass
class Inside:
    """The router, to those who look in: filled while it starts, `is_ready` while it serves."""

    registry: CollectorRegistry
    edition: Callable[[], Edition]
    explain: Explain | None = None
    is_ready: bool = False
