"""Everything the demo talks to, started in order and stopped in reverse."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import yaml

from semrouter_extproc.config import Address, Config, parse
from semrouter_extproc.envoy.bootstrap import render
from semrouter_extproc.envoy.launcher import EnvoyProcess, find_envoy
from semrouter_extproc.workbench.backend.machine import Machine, require
from semrouter_extproc.workbench.backend.server import ALIASES, MODEL, install, running_vllm
from semrouter_extproc.workbench.loopback import answers, reserved_ports
from semrouter_extproc.workbench.processes import await_ready, guarded
from semrouter_extproc.workbench.progress import Progress

_ROUTER_READY_WITHIN: Final = 120.0


@dataclass(frozen=True, slots=True)
class Stack:
    """Where the parts answer."""

    envoy: Address
    envoy_admin: Address
    vllm: Address


@contextmanager
def running_stack(folder: Path, progress: Progress) -> Iterator[Stack]:
    """vLLM, the router and Envoy for as long as the block runs; `folder` gets their logs.

    Raises `EnvironmentProblem` if a part cannot be set up or started.
    """
    # What is quickly found missing comes first, and vLLM's minutes last.
    require(Machine.here())
    find_envoy()
    with ExitStack() as parts:
        vllm, grpc, admin, listen, envoy_admin = parts.enter_context(reserved_ports(5))
        config = _configuration(vllm, grpc, admin, listen, envoy_admin)
        parts.enter_context(running_router(config, folder, progress))
        installation = install(progress)
        parts.enter_context(running_vllm(installation, vllm, folder / "vllm.log", progress))
        parts.enter_context(running_envoy(config, folder, progress))
        yield Stack(listen, envoy_admin, vllm)


def _configuration(
    vllm: Address, grpc: Address, admin: Address, listen: Address, envoy_admin: Address
) -> Config:
    document = {
        "models": {
            MODEL: {
                "dialect": "qwen3",
                "endpoints": [str(vllm)],
                # The demo's answers are short, and the model does not really think.
                "short_budget": {"below": 0},
            }
        },
        "aliases": list(ALIASES),
        "default": {"model": MODEL, "reasoning": "off"},
        "server": {
            "grpc": str(grpc),
            "admin": str(admin),
            # vLLM keeps this machine busy, and the demo is to show decisions.
            "deadline": "5s",
            # Nobody waits for a demo to drain.
            "drain_delay": "0s",
        },
        "envoy": {
            "listen": str(listen),
            "admin": str(envoy_admin),
            "message_timeout": "10s",
        },
    }
    return parse(document, source="the demo's configuration")


@contextmanager
def running_router(config: Config, folder: Path, progress: Progress) -> Iterator[None]:
    """Run a router of `config` for as long as the block lasts; its page and log are in `folder`."""
    progress.step("Starting the router")
    page = folder / "semrouter.yaml"
    page.write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))
    command = [sys.executable, "-m", "semrouter_extproc", "serve", "--config", str(page)]
    log = folder / "router.log"
    with log.open("w") as output, guarded(command, output=output) as process:
        await_ready(
            "The router",
            process,
            partial(answers, config.server.admin, "/readyz"),
            log=log,
            progress=progress,
            seconds=_ROUTER_READY_WITHIN,
        )
        yield


@contextmanager
def running_envoy(config: Config, folder: Path, progress: Progress) -> Iterator[None]:
    """Run the Envoy of `config` for as long as the block lasts; its files are in `folder`."""
    progress.step("Starting Envoy")
    with EnvoyProcess(render(config), folder):
        yield
