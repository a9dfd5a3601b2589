"""What a router and the Envoy in front of it hold, seen from outside."""

from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from semrouter_extproc.config import Address
from semrouter_extproc.workbench.loopback import get
from support.eventually import eventually
from support.load.footprint import Footprint

_CONNECTIONS: Final = "http.semrouter.downstream_cx_active"
_STREAMS: Final = "cluster.semrouter.upstream_rq_active"
_MODEL_CONNECTIONS: Final = "upstream_cx_active"
_DEPTH: Final = "semrouter_queue_depth"
_DECIDED: Final = "semrouter_requests_total"


@dataclass(frozen=True, slots=True)
class Look:
    """One look at both.

    `connections` are those of clients, `streams` those that the router answers, `queue` prompts
    that wait for their vector, `decided` the requests that the router has decided about so far.
    """

    router: Footprint
    envoy: Footprint
    connections: int
    streams: int
    queue: int
    decided: int

    @property
    def is_idle(self) -> bool:
        """Say whether nothing is under way."""
        return not (self.connections or self.streams or self.queue)


@dataclass(frozen=True, slots=True)
class Site:
    """A running router and a running Envoy."""

    router: int
    router_admin: Address
    envoy: int
    envoy_admin: Address

    def look(self) -> Look:
        """Look at both."""
        gauges = _envoy_gauges(self.envoy_admin)
        metrics = _metrics(self.router_admin)
        return Look(
            router=Footprint.of(self.router),
            envoy=Footprint.of(self.envoy),
            connections=gauges[_CONNECTIONS],
            streams=gauges[_STREAMS],
            queue=round(metrics[_DEPTH]),
            decided=round(metrics[_DECIDED]),
        )

    def at_rest(self, *, seconds: float = 30.0) -> Look:
        """Wait until nothing is under way, or so long, and look."""
        eventually(lambda: self.look().is_idle, seconds=seconds)
        # Envoy closes what it kept open to the model after four seconds.
        eventually(lambda: not _to_models(self.envoy_admin), seconds=seconds)
        return self.look()


def _envoy_gauges(admin: Address) -> dict[str, int]:
    lines = get(admin, "/stats?type=Gauges").splitlines()
    return {name: int(value) for name, _, value in (line.rpartition(": ") for line in lines)}


def _to_models(admin: Address) -> int:
    gauges = _envoy_gauges(admin)
    return sum(
        value
        for name, value in gauges.items()
        if name.startswith("cluster.model-") and name.endswith(_MODEL_CONNECTIONS)
    )


def _metrics(admin: Address) -> dict[str, float]:
    found = {_DEPTH: 0.0, _DECIDED: 0.0}
    for family in text_string_to_metric_families(get(admin, "/metrics")):
        for sample in family.samples:
            if sample.name in found:
                found[sample.name] += sample.value
    return found
