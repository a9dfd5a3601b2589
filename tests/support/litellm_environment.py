"""LiteLLM's own virtual environment: its pins and those of the project do not mix."""

import platform
import sys
from pathlib import Path
from typing import Final

from semrouter_extproc.workbench.backend import environment
from semrouter_extproc.workbench.backend.cache import default_cache, digest, prepared
from semrouter_extproc.workbench.progress import Progress

LOCK: Final = Path(__file__).with_name("litellm.lock")


def litellm_environment(progress: Progress) -> Path:
    """Return an interpreter that has LiteLLM, after a minute of installing the first time.

    Raises `EnvironmentProblem` where pip cannot install it.
    """

    def install(folder: Path) -> None:
        progress.step("Installing LiteLLM (once; a minute)")
        environment.create(folder, "LiteLLM", progress)
        environment.install_locked(folder, LOCK, "LiteLLM", progress)

    key = digest(LOCK.read_text(), platform.python_version(), sys.base_prefix)
    folder = prepared(default_cache() / f"litellm-{key}", install, progress)
    return environment.interpreter_of(folder)
