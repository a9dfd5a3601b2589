"""The model families' real chat templates, which llama.cpp keeps to test its own parser with."""

import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from semrouter_extproc.workbench.backend.cache import default_cache, digest, prepared
from semrouter_extproc.workbench.processes import run
from semrouter_extproc.workbench.progress import Progress

# The source archive of the Python binding carries llama.cpp whole.
_PACKAGE: Final = "llama-cpp-python"
_PINNED: Final = (
    f"{_PACKAGE}==0.3.36 "
    "--hash=sha256:832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
)
_INSIDE: Final = "vendor/llama.cpp/models/templates"


def chat_templates(progress: Progress) -> Path:
    """Return a folder of `NAME.jinja`, after fetching 77 MB the first time.

    Raises `EnvironmentProblem` where pip cannot fetch the archive.
    """

    def fetch(folder: Path) -> None:
        progress.step("Fetching the families' chat templates (once; 77 MB)")
        with TemporaryDirectory() as scratch:
            _unpack(_download(Path(scratch), progress), folder)

    return prepared(default_cache() / f"templates-{digest(_PINNED)}", fetch, progress)


def _download(folder: Path, progress: Progress) -> Path:
    pin = folder / "pin.txt"
    pin.write_text(_PINNED)
    run(
        [
            *(sys.executable, "-m", "pip", "download", "--no-input", "--progress-bar=off"),
            # From source only this one: what pip prepares its build with has wheels.
            *("--no-deps", "--require-hashes", "--no-binary", _PACKAGE),
            *("--requirement", pin, "--dest", folder),
        ],
        progress=progress,
        failure="pip could not fetch the chat templates",
    )
    return next(folder.glob("*.tar.gz"))


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        for member in tar:
            path = Path(member.name)
            if path.suffix == ".jinja" and path.parent.match(_INSIDE):
                content = tar.extractfile(member)
                assert content is not None
                (folder / path.name).write_bytes(content.read())
