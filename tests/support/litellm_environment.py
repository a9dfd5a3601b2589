"""LiteLLM's own virtual environment: its pins and those of the project do not mix."""

import platform
import sys
from pathlib import Path
from typing import Final

from semrouter_extproc.workbench.backend.cache import default_cache, digest, prepared
from semrouter_extproc.workbench.processes import foreign_environment, run
from semrouter_extproc.workbench.progress import Progress

LOCK: Final = Path(__file__).with_name("litellm.lock")


def litellm_environment(progress: Progress) -> Path:
    """Return an interpreter that has LiteLLM, after a minute of installing the first time.

    Raises `EnvironmentProblem` where pip cannot install it.
    """

    def install(folder: Path) -> None:
        progress.step("Installing LiteLLM (once; a minute)")
        failure = "pip could not install LiteLLM"
        run([sys.executable, "-m", "venv", folder], progress=progress, failure=failure)
        run(
            [
                *(folder / "bin" / "python", "-m", "pip", "install", "--no-input", "--no-deps"),
                *("--progress-bar=off", "--require-hashes", "--requirement", LOCK),
            ],
            progress=progress,
            failure=failure,
            environment=foreign_environment(),
        )

    key = digest(LOCK.read_text(), platform.python_version(), sys.base_prefix)
    return prepared(default_cache() / f"litellm-{key}", install, progress) / "bin" / "python"
