"""The weights of SmolLM2-135M-Instruct, as vLLM reads them."""

from pathlib import Path
from typing import Final

from semrouter_extproc.workbench.backend.cache import digest, prepared
from semrouter_extproc.workbench.backend.environment import LOCK
from semrouter_extproc.workbench.processes import foreign_environment, run
from semrouter_extproc.workbench.progress import Progress

_SCRIPT: Final = Path(__file__).with_name("convert_gguf.py")


def smollm2_weights(interpreter: Path, cache: Path, progress: Progress) -> Path:
    """Return the model's folder, after about a minute of converting if it is not there.

    `interpreter` is that of vLLM's environment, which carries the GGUF (4 bits a weight).
    Raises `EnvironmentProblem`.
    """

    def convert(folder: Path) -> None:
        progress.step("Converting the weights of SmolLM2-135M for vLLM (once; a minute)")
        run(
            [interpreter, _SCRIPT, folder],
            progress=progress,
            failure="The weights could not be converted",
            environment=foreign_environment(HF_HUB_OFFLINE="1"),
        )

    key = digest(_SCRIPT.read_text(), LOCK.read_text())
    return prepared(cache / f"smollm2-135m-{key}", convert, progress)
