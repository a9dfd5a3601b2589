"""The real vLLM, for tests marked `vllm`: set up like the demo's, shared by all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from semrouter_extproc.config import Address
from semrouter_extproc.errors import EnvironmentProblem
from semrouter_extproc.workbench.backend.machine import Machine, require
from semrouter_extproc.workbench.backend.server import MODEL, install, running_vllm
from semrouter_extproc.workbench.loopback import reserved_ports
from semrouter_extproc.workbench.progress import Silent


@dataclass(frozen=True)
class VllmBackend:
    """A running vLLM. `log` is its output."""

    address: Address
    model: str
    log: Path


@pytest.fixture(scope="session")
def vllm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmBackend]:
    """Run one vLLM for the whole session; the first ever takes minutes to install."""
    try:
        require(Machine.here())
    except EnvironmentProblem as problem:
        pytest.skip(str(problem))
    log = tmp_path_factory.mktemp("vllm") / "vllm.log"
    with (
        reserved_ports(1) as (address,),
        running_vllm(install(Silent()), address, log, Silent()),
    ):
        yield VllmBackend(address, MODEL, log)
