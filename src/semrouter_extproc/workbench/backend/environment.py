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
    return interpreter_of(folder)


def _install(folder: Path, *, index: str, progress: Progress) -> None:
    progress.step("Creating vLLM's virtual environment (once)")
    create(folder, "vLLM", progress)
    progress.step("Installing torch for vLLM (once; a few minutes)")
    _pip(folder, [_TORCH, *(["--index-url", index] if index else [])], "vLLM", progress)
    progress.step("Installing vLLM (once; a few minutes)")
    install_locked(folder, LOCK, "vLLM", progress)


def create(folder: Path, owner: str, progress: Progress) -> None:
    """Make `folder` a virtual environment for `owner`; raises `EnvironmentProblem`."""
    run(
        [sys.executable, "-m", "venv", folder],
        progress=progress,
        failure=f"Python could not create a virtual environment for {owner}",
    )


def install_locked(folder: Path, lock: Path, owner: str, progress: Progress) -> None:
    """Install just what a lock with hashes names; raises `EnvironmentProblem`."""
    arguments: list[str | Path] = ["--no-deps", "--require-hashes", "--requirement", lock]
    _pip(folder, arguments, owner, progress)


def _pip(folder: Path, arguments: list[str | Path], owner: str, progress: Progress) -> None:
    run(
        [interpreter_of(folder), *_PIP, *arguments],
        progress=progress,
        failure=f"pip could not install what {owner} needs",
        environment=foreign_environment(),
    )


def interpreter_of(folder: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return folder / "bin" / "python"
