"""Envoy and a router that reasons about math, in front of a real vLLM."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from semrouter_extproc.config import Address, parse
from semrouter_extproc.envoy.bootstrap import render
from semrouter_extproc.envoy.launcher import EnvoyProcess
from support.ports import free_port
from support.processes import RouterProcess, running_router
from support.vllm import VllmBackend


@contextmanager
def running_front(vllm: VllmBackend, folder: Path) -> Iterator[tuple[Address, RouterProcess]]:
    """Run both for as long as the block lasts; clients talk to the address."""
    document = {
        "models": {
            vllm.model: {
                "dialect": "qwen3",
                "endpoints": [str(vllm.address)],
                # Short answers keep the tests quick, and the model does not really think.
                "short_budget": {"below": 0},
            }
        },
        "default": {"model": vllm.model, "reasoning": "off"},
        "routes": {"math": {"reasoning": "on"}},
        "server": {
            "grpc": f"127.0.0.1:{free_port()}",
            "admin": f"127.0.0.1:{free_port()}",
            "deadline": "5s",
        },
        "envoy": {
            "listen": f"127.0.0.1:{free_port()}",
            "admin": f"127.0.0.1:{free_port()}",
            "message_timeout": "10s",
        },
    }
    config = parse(document, source="the test's configuration")
    with running_router(config, folder) as router, EnvoyProcess(render(config), folder):
        yield config.envoy.listen, router


@pytest.fixture(scope="session")
def service(tiny_vllm: VllmBackend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address, as a URL, at which clients find a model that shows what was decided.

    The tiny model never ends a thought: all that it writes is reasoning where that is on, and
    text where it is off.
    """
    with running_front(tiny_vllm, tmp_path_factory.mktemp("service")) as (front, _):
        yield f"http://{front}"
