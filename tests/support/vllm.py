"""The real vLLM, for tests marked `vllm`: set up like the demo's, shared by all of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from semrouter_extproc.config import Address
from semrouter_extproc.errors import EnvironmentProblem
from semrouter_extproc.workbench.backend import server
from semrouter_extproc.workbench.backend.machine import Machine, require
from semrouter_extproc.workbench.backend.server import (
    CHAT_TEMPLATE,
    Installation,
    install,
)
from semrouter_extproc.workbench.loopback import reserved_ports, serving
from semrouter_extproc.workbench.progress import Progress, Silent
from support import templates, tiny_model
from support.compose import served_names, services
from support.rendering import RenderingUpstream

TINY: Final = "tiny"
"""The tiny model's name."""

_SERVE_TEMPLATES: Final = Path(__file__).with_name("serve_templates.py")
_READY_WITHIN: Final = 300.0

_PARSING: Final = (
    *("--chat-template", str(CHAT_TEMPLATE)),
    *("--reasoning-parser", "qwen3"),
    # Hermes has a grammar of its own for forced calls, in which whitespace has no bound.
    *("--enable-auto-tool-choice", "--tool-call-parser", "xlam"),
    # Random weights would fill an answer with whitespace wherever the grammar lets them.
    *("--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}'),
)
"""vLLM's flags for answers that tell thoughts, text and tool calls apart."""


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


@pytest.fixture(scope="session")
def chat_templates() -> Path:
    """Fetch the families' chat templates, or skip where they cannot be had."""
    try:
        return templates.chat_templates(Silent())
    except EnvironmentProblem as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="session")
def tiny_vllm(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[VllmBackend]:
    """Run one vLLM with the tiny model and the demo's chat template for all tests.

    It also goes by the names of deploy/compose's default model, for which it stands in.
    """
    names = (TINY, *served_names(services("cpu")["fast-cpu"]))
    log = tmp_path_factory.mktemp("tiny-vllm") / "vllm.log"
    with running_tiny_vllm(installation, log, Silent(), names=names, flags=_PARSING) as address:
        yield VllmBackend(address, TINY, log)


@pytest.fixture(scope="session")
def template_server(
    installation: Installation, chat_templates: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Address]:
    """Run vLLM's render server for every family's chat template."""
    log = tmp_path_factory.mktemp("template-server") / "vllm.log"
    with running_template_server(installation, chat_templates, log, Silent()) as address:
        yield address


@pytest.fixture(scope="module")
def rendering(template_server: Address) -> Iterator[RenderingUpstream]:
    """Serve every family's model with its real chat template."""
    with serving(RenderingUpstream(template_server)) as upstream:
        yield upstream


@contextmanager
def running_tiny_vllm(
    installation: Installation,
    log: Path,
    progress: Progress,
    *,
    names: Sequence[str] = (TINY,),
    flags: Sequence[str] = (),
) -> Iterator[Address]:
    """Run a vLLM that serves the tiny model by `names`, and takes a template per request.

    It has no chat template of its own unless `flags` give it one. Raises `EnvironmentProblem`.
    """
    model = tiny_model.tiny_model(installation, progress)
    with reserved_ports(1) as (address,):
        command: list[str | Path] = [
            *(installation.interpreter, "-m", "vllm.entrypoints.openai.api_server"),
            *("--host", address.host, "--port", str(address.port)),
            *("--model", str(model), "--served-model-name", *names),
            *("--trust-request-chat-template", "--enable-scale-out", "--enable-prefix-caching"),
            *("--enforce-eager", "--disable-uvicorn-access-log"),
            *flags,
        ]
        with _started("vLLM", command, address, log, progress):
            yield address


@contextmanager
def running_template_server(
    installation: Installation, folder: Path, log: Path, progress: Progress
) -> Iterator[Address]:
    """Run vLLM's render server for every chat template in `folder`.

    Raises `EnvironmentProblem`.
    """
    model = tiny_model.tiny_model(installation, progress)
    with reserved_ports(1) as (address,):
        command: list[str | Path] = [
            *(installation.interpreter, "-P", _SERVE_TEMPLATES),
            *(str(address.port), model, folder),
        ]
        with _started("vLLM's render server", command, address, log, progress):
            yield address


@contextmanager
def _started(
    name: str, command: Sequence[str | Path], address: Address, log: Path, progress: Progress
) -> Iterator[None]:
    """Run a server of the tiny model, whose engine works in its own process: one less to start."""
    progress.step(f"Starting {name}")
    settings = {"OMP_NUM_THREADS": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
    with server.serving(name, command, address, log, progress, seconds=_READY_WITHIN, **settings):
        yield
