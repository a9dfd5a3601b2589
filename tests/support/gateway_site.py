"""The router of the gateways' examples with the models behind it, and gateways in front."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semrouter_extproc.config import Address, Config, parse
from semrouter_extproc.envoy.launcher import EnvoyProcess
from semrouter_extproc.testing.upstream import Upstream, running_upstream
from support import gateways
from support.gateways import Message
from support.manifests import chart_values
from support.ports import free_port
from support.processes import RouterProcess, running_router
from support.stack import Stack

LARGE, SMALL = "qwen3-32b", "qwen3-8b"


@dataclass(frozen=True)
class Site:
    """What every gateway leads to."""

    router: RouterProcess
    large: Upstream
    small: Upstream

    @property
    def addresses(self) -> dict[str, Address]:
        """Who serves each model."""
        served = {LARGE: self.large, SMALL: self.small}
        return {model: Address("127.0.0.1", each.port) for model, each in served.items()}

    @contextmanager
    def behind(
        self,
        listener: Message,
        clusters: list[Message],
        folder: Path,
        *,
        router: Address | None = None,
    ) -> Iterator[Stack]:
        """Run an Envoy with this listener; `router` is where it looks for routers instead."""
        asked = gateways.cluster(
            gateways.ROUTER_CLUSTER, router or self.router.config.server.grpc, http2=True
        )
        where = listener["address"]["socket_address"]
        address = Address(where["address"], where["port_value"])
        with EnvoyProcess(gateways.bootstrap(listener, [asked, *clusters]), folder) as envoy:
            yield Stack(address, envoy, self.router, self.large, self.small)


def _config(**server: Any) -> Config:
    page = chart_values()["config"]
    page["server"] = {
        "grpc": f"127.0.0.1:{free_port()}",
        "admin": f"127.0.0.1:{free_port()}",
        "deadline": "5s",
        **server,
    }
    page["envoy"] = {"message_timeout": "10s"}
    return parse(page, source="deploy/gateways/values.yaml")


@contextmanager
def running_site(folder: Path, **server: Any) -> Iterator[Site]:
    """Run the router and two upstreams for as long as the block lasts."""
    with ExitStack() as stack:
        yield Site(
            stack.enter_context(running_router(_config(**server), folder)),
            stack.enter_context(running_upstream(LARGE)),
            stack.enter_context(running_upstream(SMALL)),
        )
