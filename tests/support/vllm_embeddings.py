"""The real vLLM as a server of embeddings, for tests marked `vllm`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from semrouter_extproc.config import Address
from semrouter_extproc.encoding.weights import DEFAULT_MODEL, folder_of
from semrouter_extproc.workbench.backend import server
from semrouter_extproc.workbench.backend.server import Installation
from semrouter_extproc.workbench.loopback import reserved_ports
from semrouter_extproc.workbench.progress import Silent

_READY_WITHIN: Final = 300.0


@contextmanager
def running_embeddings(installation: Installation, log: Path) -> Iterator[Address]:
    """Serve the default encoder by its own name. Raises `EnvironmentProblem`."""
    with reserved_ports(1) as (address,):
        command: list[str | Path] = [
            *(installation.interpreter, "-m", "vllm.entrypoints.openai.api_server"),
            *("--host", address.host, "--port", str(address.port)),
            *("--model", folder_of(DEFAULT_MODEL), "--served-model-name", DEFAULT_MODEL),
            *("--runner", "pooling", "--enforce-eager", "--disable-uvicorn-access-log"),
        ]
        with server.serving(
            "vLLM with the encoder",
            command,
            address,
            log,
            Silent(),
            seconds=_READY_WITHIN,
            OMP_NUM_THREADS="1",
        ):
            yield address
