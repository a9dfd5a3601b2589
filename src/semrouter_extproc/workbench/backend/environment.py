"""vLLM's own virtual environment: its pins and those of the router do not mix."""

import os
import platform
import sys
from functools import partial
from pathlib import Path
from typing import Final

from semrouter_extproc.workbench.backend.cache import digest, is_complete, prepared
from semrouter_extproc.workbench.backend.machine import free_bytes, require_room
from semrouter_extproc.workbench.processes import foreign_environment, run
from semrouter_extproc.workbench.progress import Progress

LOCK: Final = Path(__file__).with_name("vllm.lock")

# Outside the lock, since its hash depends on where a machine gets its torch from.
_TORCH: Final = "torch==2.13.0"
_PIP: Final = ("-m", "pip", "install", "--no-input", "--progress-bar=off")


def vllm_environment(cache: Path, progress: Progress) -> Path:
    """Return the interpreter that has vLLM, after minutes of installing if it is not there.

    The variable TORCH_INDEX names the package index that torch comes from, such as
    PyTorch's own for the CPU. Raises `EnvironmentProblem`.
    """
    index = os.environ.get("TORCH_INDEX", "")
    key = digest(LOCK.read_text(), _TORCH, index, platform.python_version(), sys.base_prefix)
    folder = cache / f"vllm-{key}"
    if not is_complete(folder):
        require_room(cache, free_bytes(cache))
    prepared(folder, partial(_install, index=index, progress=progress), progress)
    return _interpreter(folder)


def _install(folder: Path, *, index: str, progress: Progress) -> None:
    progress.step("Creating vLLM's virtual environment (once)")
    run(
        [sys.executable, "-m", "venv", folder],
        progress=progress,
        failure="Python could not create a virtual environment for vLLM",
    )
    progress.step("Installing torch for vLLM (once; a few minutes)")
    _pip(folder, [_TORCH, *(["--index-url", index] if index else [])], progress)
    progress.step("Installing vLLM (once; a few minutes)")
    _pip(folder, ["--no-deps", "--require-hashes", "--requirement", LOCK], progress)


def _pip(folder: Path, arguments: list[str | Path], progress: Progress) -> None:
    run(
        [_interpreter(folder), *_PIP, *arguments],
        progress=progress,
        failure="pip could not install what vLLM needs",
        environment=foreign_environment(),
    )


def _interpreter(folder: Path) -> Path:
    return folder / "bin" / "python"
