"""A model that is as real as any to vLLM, and small enough to start at once."""

from pathlib import Path
from typing import Final

from semrouter_extproc.workbench.backend.cache import default_cache, digest, prepared
from semrouter_extproc.workbench.backend.server import Installation
from semrouter_extproc.workbench.processes import foreign_environment, run
from semrouter_extproc.workbench.progress import Progress

_SCRIPT: Final = Path(__file__).with_name("build_tiny_model.py")


def tiny_model(installation: Installation, progress: Progress) -> Path:
    """Return the folder of a two-layer Llama of 32,768 tokens with SmolLM2's tokenizer.

    Raises `EnvironmentProblem`.
    """

    def build(folder: Path) -> None:
        progress.step("Building the tests' tiny model (once)")
        run(
            [installation.interpreter, _SCRIPT, installation.weights, folder],
            progress=progress,
            failure="The tiny model could not be built",
            environment=foreign_environment(HF_HUB_OFFLINE="1"),
        )

    key = digest(_SCRIPT.read_text(), installation.weights.name)
    return prepared(default_cache() / f"tiny-model-{key}", build, progress)
