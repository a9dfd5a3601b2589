"""The containers of deploy/compose as processes of this machine, with its files and commands."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Self

from semrouter_extproc.config import Address
from semrouter_extproc.envoy.launcher import EnvoyProcess
from support.client import Answer, send
from support.compose import COMPOSE, Services, host_names, mounts, start_order
from support.eventually import eventually
from support.ports import free_port
from support.prometheus import Prometheus, running_prometheus
from support.stack import chat_body

_MODEL_PORT: Final = 8000
_CLIENTS_PORT: Final = 8080
_DOCKERFILE: Final = (COMPOSE.parents[1] / "Dockerfile").read_text(encoding="utf-8")
_ENVIRONMENT: Final = os.environ | {
    # `semrouter` and `python` are here what they are in the image.
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
}


class Loopback:
    """Every port of every container, as one of this machine's."""

    def __init__(self, services: Services, models: Mapping[str, Address]) -> None:
        self._owners = {
            host: name for name, service in services.items() for host in host_names(name, service)
        }
        self._addresses = {(name, _MODEL_PORT): address for name, address in models.items()}

    def at(self, service: str, port: int) -> Address:
        """Return where the port of a container is here."""
        if (service, port) not in self._addresses:
            self._addresses[service, port] = Address("127.0.0.1", free_port())
        return self._addresses[service, port]

    def localised(self, text: str, service: str) -> str:
        """Return what a service reads with every host and port, together or below each other."""

        def here(found: re.Match[str]) -> str:
            host, between, port = found.groups()
            is_its_own = host in {"0.0.0.0", "127.0.0.1"}  # noqa: S104 - read, not listened on
            owner = service if is_its_own else self._owners.get(host)
            if owner is None:
                return found[0]
            address = self.at(owner, int(port))
            return f"{address.host}{between}{address.port}"

        return re.sub(r"([\w.-]+)(:|\n +port_value: )(\d+)", here, text)


class ComposeSite:
    """What Compose starts, in its order; `models` are where those stand that serve the models."""

    def __init__(self, services: Services, models: Mapping[str, Address], folder: Path) -> None:
        self.started: list[str] = []
        self.prometheus: Prometheus | None = None
        self._services = services
        self._loopback = Loopback(services, models)
        self._folder = folder
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as running:
            self._running = running
            for name in start_order(self._services):
                self._start(name)
                self.started.append(name)
            self._running = running.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def ask(self, prompt: str, **members: Any) -> Answer:
        """Ask the alias, at the port that Envoy publishes."""
        front = self._loopback.at("envoy", _CLIENTS_PORT)
        body = chat_body(prompt, **members)
        return send(front, body, method="POST", path="/v1/chat/completions", headers={})

    def is_healthy(self, name: str) -> bool:
        """Run the health check of a service as it is written."""
        kind, *command = self._services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        here = [self._loopback.localised(word, name) for word in command]
        return _run(here).returncode == 0

    def stop_router(self) -> None:
        """End the router, at once."""
        self.router.kill()
        self.router.wait()

    def _start(self, name: str) -> None:
        starters = {
            "router": self._start_router,
            "envoy": self._start_envoy,
            "prometheus": self._start_prometheus,
        }
        if name in starters:
            starters[name]()
        if "healthcheck" in self._services[name]:
            assert eventually(lambda: self.is_healthy(name), seconds=60), name

    def _start_router(self) -> None:
        ((inside, outside),) = mounts(self._services["router"]).items()
        page = self._folder / outside.name
        page.write_text(self._localised(outside, "router"), encoding="utf-8")
        command = [str(page) if word == inside else word for word in _image_command()]
        self.router = self._running.enter_context(_running(command, self._folder / "router.log"))

    def _start_envoy(self) -> None:
        (page,) = mounts(self._services["envoy"]).values()
        envoy = EnvoyProcess(self._localised(page, "envoy"), self._folder)
        self._running.enter_context(envoy)

    def _start_prometheus(self) -> None:
        files = mounts(self._services["prometheus"])
        page = self._localised(files.pop("/etc/prometheus/prometheus.yml"), "prometheus")
        for inside, outside in files.items():
            page = page.replace(inside, str(outside))
        # The test does not wait a quarter of a minute for the first look.
        page = page.replace("scrape_interval: 15s", "scrape_interval: 1s")
        self.prometheus = self._running.enter_context(running_prometheus(page, self._folder))

    def _localised(self, file: Path, service: str) -> str:
        return self._loopback.localised(file.read_text(encoding="utf-8"), service)


def _image_command() -> list[str]:
    """Return what a container of the image runs where Compose gives no command."""
    words = re.findall(r"^(?:ENTRYPOINT|CMD) (\[.+\])$", _DOCKERFILE, re.MULTILINE)
    entrypoint, command = map(json.loads, words)
    return [*entrypoint, *command]


def _run(command: list[str]) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(command, env=_ENVIRONMENT, capture_output=True, timeout=30, check=False)


@contextmanager
def _running(command: list[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command until the end of the block, whatever happens in it."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=_ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
