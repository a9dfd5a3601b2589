"""semantic-router's own virtual environment: its pins and those of the project do not mix."""

import platform
import sys
import sysconfig
from pathlib import Path
from typing import Final

from semrouter_extproc.workbench.backend import environment
from semrouter_extproc.workbench.backend.cache import default_cache, digest, prepared
from semrouter_extproc.workbench.progress import Progress

LOCK: Final = Path(__file__).with_name("semantic-router.lock")
PINNED: Final = LOCK.with_suffix(".in").read_text().strip()


def semantic_router_environment(progress: Progress) -> Path:
    """Return an interpreter that has semantic-router, after minutes of installing the first time.

    torch and what stands on it are the project's own, so that both encode with the same code.
    Raises `EnvironmentProblem` where pip cannot install it.
    """
    ours = sysconfig.get_path("purelib")

    def install(folder: Path) -> None:
        progress.step("Installing semantic-router (once; two minutes)")
        environment.create(folder, "semantic-router", progress)
        environment.install_locked(folder, LOCK, "semantic-router", progress)
        theirs = sysconfig.get_path("purelib", vars={"base": str(folder)})
        # Behind its own packages, which therefore come first.
        (Path(theirs) / "project.pth").write_text(f"{ours}\n")

    key = digest(LOCK.read_text(), platform.python_version(), sys.base_prefix, ours)
    folder = prepared(default_cache() / f"semantic-router-{key}", install, progress)
    return environment.interpreter_of(folder)
