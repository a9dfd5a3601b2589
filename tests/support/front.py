"""Envoy and a router for a page of the test's, in front of whatever the page names."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from semrouter_extproc.config import Address, Config, parse
from semrouter_extproc.envoy.bootstrap import render
from semrouter_extproc.envoy.launcher import EnvoyProcess
from support.ports import free_port
from support.processes import RouterProcess, running_router
from support.vllm import VllmBackend


@contextmanager
def running_page(page: dict[str, Any], folder: Path) -> Iterator[tuple[Config, RouterProcess]]:
    """Run both for as long as the block lasts, on ports of their own and without haste."""
    document = {
        **page,
        "server": {
            "grpc": f"127.0.0.1:{free_port()}",
            "admin": f"127.0.0.1:{free_port()}",
            "deadline": "5s",
            **page.get("server", {}),
        },
        "envoy": {
            "listen": f"127.0.0.1:{free_port()}",
            "admin": f"127.0.0.1:{free_port()}",
            "message_timeout": "10s",
            **page.get("envoy", {}),
        },
    }
    config = parse(document, source="the test's configuration")
    with running_router(config, folder) as router, EnvoyProcess(render(config), folder):
        yield config, router


@contextmanager
def running_front(vllm: VllmBackend, folder: Path) -> Iterator[tuple[Address, RouterProcess]]:
    """Reason about math, with a real vLLM; clients talk to the address."""
    page = {
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
    }
    with running_page(page, folder) as (config, router):
        yield config.envoy.listen, router


@pytest.fixture(scope="session")
def service(tiny_vllm: VllmBackend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address, as a URL, at which clients find a model that shows what was decided.

    The tiny model never ends a thought: all that it writes is reasoning where that is on, and
    text where it is off.
    """
    with running_front(tiny_vllm, tmp_path_factory.mktemp("service")) as (front, _):
        yield f"http://{front}"
