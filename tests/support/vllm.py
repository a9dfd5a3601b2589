"""The real vLLM, for tests marked `vllm`: set up like the demo's, shared by all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from semrouter_extproc.config import Address
from semrouter_extproc.errors import EnvironmentProblem
from semrouter_extproc.workbench.backend.machine import Machine, require
from semrouter_extproc.workbench.backend.server import MODEL, Installation, install, running_vllm
from semrouter_extproc.workbench.loopback import reserved_ports
from semrouter_extproc.workbench.progress import Silent


@dataclass(frozen=True)
class VllmBackend:
    """A running vLLM. `log` is its output."""

    address: Address
    model: str
    log: Path


@pytest.fixture(scope="session")
def installation() -> Installation:
    """Install vLLM, which takes minutes the first time, or skip where it cannot run."""
    try:
        require(Machine.here())
    except EnvironmentProblem as problem:
        pytest.skip(str(problem))
    return install(Silent())


@pytest.fixture(scope="module")
def vllm(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[VllmBackend]:
    """Run one vLLM for all tests of a module."""
    log = tmp_path_factory.mktemp("vllm") / "vllm.log"
    with (
        reserved_ports(1) as (address,),
        running_vllm(installation, address, log, Silent()),
    ):
        yield VllmBackend(address, MODEL, log)
