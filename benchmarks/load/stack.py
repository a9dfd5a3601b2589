"""What is measured: real Envoys, and the processors behind them."""

import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml
from load.upstream import ONE_WORKER

from semrouter_extproc.config import Address, Config, parse
from semrouter_extproc.envoy.bootstrap import render
from semrouter_extproc.envoy.filters import EXT_PROC
from semrouter_extproc.envoy.launcher import EnvoyProcess
from semrouter_extproc.workbench.loopback import answers, reserved_ports
from semrouter_extproc.workbench.processes import await_ready, guarded
from semrouter_extproc.workbench.progress import Progress

MODEL: Final = "answerer"
"""The one model that is configured."""

_Json = dict[str, Any]
Page = Mapping[str, Mapping[str, Any]]
"""Sections of the router's configuration beside the models."""

_READY_WITHIN: Final = 120.0


@dataclass(frozen=True, slots=True)
class Part:
    """A running process: where it serves, and its number."""

    address: Address
    admin: Address
    pid: int


@dataclass(frozen=True, slots=True)
class Stack:
    """An Envoy, and the routers behind it."""

    envoy: Part
    routers: Sequence[Part]

    @property
    def address(self) -> Address:
        """Where clients ask."""
        return self.envoy.address

    @property
    def processes(self) -> Mapping[str, Sequence[int]]:
        """The numbers of all that run, by what they are."""
        return {"envoy": [self.envoy.pid], "router": [router.pid for router in self.routers]}


@contextmanager
def running_stack(
    upstream: Address,
    folder: Path,
    progress: Progress,
    *,
    routers: int = 1,
    page: Page | None = None,
) -> Iterator[Stack]:
    """Run so many routers behind one Envoy; `page` changes the defaults of all."""
    folder.mkdir()
    with ExitStack() as running:
        started = [
            running.enter_context(running_router(upstream, folder / str(each), progress, page))
            for each in range(routers)
        ]
        addresses = [router.address for router in started]
        envoy = running_envoy(upstream, addresses, folder / "envoy", page)
        yield Stack(running.enter_context(envoy), started)


@contextmanager
def running_router(
    upstream: Address, folder: Path, progress: Progress, page: Page | None = None
) -> Iterator[Part]:
    """Run `semrouter serve`; `page` changes its defaults."""
    folder.mkdir()
    with reserved_ports(2) as (grpc, admin):
        ports = {"server": {"grpc": str(grpc), "admin": str(admin), "drain_delay": "0s"}}
        config = folder / "semrouter.yaml"
        config.write_text(yaml.safe_dump(_page(upstream, page or {}, ports)))
        command = [sys.executable, "-m", "semrouter_extproc", "serve", "--config", str(config)]
        log = folder / "router.log"
        with log.open("w") as output, guarded(command, output=output) as process:
            ready = partial(answers, admin, "/readyz")
            await_ready(
                "The router", process, ready, log=log, progress=progress, seconds=_READY_WITHIN
            )
            yield Part(grpc, admin, process.pid)


@contextmanager
def running_script(
    script: Path, arguments: Sequence[str], folder: Path, progress: Progress
) -> Iterator[Part]:
    """Run another external processor, a script that takes its port as the first argument."""
    folder.mkdir()
    log = folder / "processor.log"
    with reserved_ports(1) as (address,), log.open("w") as output:
        command = [sys.executable, str(script), str(address.port), *arguments]
        with guarded(command, output=output) as process:
            ready = partial(listens, address)
            await_ready(
                script.name, process, ready, log=log, progress=progress, seconds=_READY_WITHIN
            )
            yield Part(address, address, process.pid)


def listens(address: Address) -> bool:
    """Say whether a server accepts connections."""
    try:
        socket.create_connection(address, timeout=1.0).close()
    except OSError:
        return False
    return True


@contextmanager
def running_envoy(
    upstream: Address,
    processors: Sequence[Address],
    folder: Path,
    page: Page | None = None,
    *,
    ext_proc: Mapping[str, Any] | None = None,
) -> Iterator[Part]:
    """Run an Envoy with one worker thread in front of `processors`.

    Without any, it has no ext_proc filter. `page` changes the defaults of the configuration,
    `ext_proc` members of that filter.
    """
    folder.mkdir()
    with reserved_ports(2) as (listen, admin):
        envoy = {
            "listen": str(listen),
            "admin": str(admin),
            "router": [str(each) for each in processors] or None,
        }
        bootstrap = yaml.safe_load(render(configuration(upstream, page or {}, {"envoy": envoy})))
        _change_ext_proc(bootstrap, (ext_proc or {}) if processors else None)
        document = yaml.safe_dump(bootstrap)
        with EnvoyProcess(document, folder, arguments=ONE_WORKER) as process:
            yield Part(listen, admin, process.pid)


def configuration(upstream: Address, *parts: Page) -> Config:
    """Return the configuration of the benchmark, changed by `parts`."""
    return parse(_page(upstream, *parts), source="the benchmark's page")


def _page(upstream: Address, *parts: Page) -> _Json:
    model = {"dialect": "qwen3", "endpoints": [str(upstream)]}
    page: _Json = {
        "models": {MODEL: model},
        "default": {"model": MODEL, "reasoning": "off"},
    }
    for part in parts:
        for section, members in part.items():
            page[section] = {**page.get(section, {}), **members}
    return page


def _change_ext_proc(bootstrap: _Json, changes: Mapping[str, Any] | None) -> None:
    """Change the ext_proc filter, or remove it for None."""
    (listener,) = bootstrap["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    filters = manager["http_filters"]
    (place,) = (at for at, each in enumerate(filters) if each["name"] == EXT_PROC)
    if changes is None:
        del filters[place]
        _forget(manager["route_config"], EXT_PROC)
    else:
        filters[place]["typed_config"] |= changes


def _forget(route_config: _Json, name: str) -> None:
    """Envoy refuses routes that name a filter that is not there."""
    for host in route_config["virtual_hosts"]:
        for route in host["routes"]:
            route.get("typed_per_filter_config", {}).pop(name, None)
