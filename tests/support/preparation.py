"""Sets up what the tests marked `vllm` need, in a process beside the tests that need none of it.

`python -m support.preparation`; what fails here fails, or skips, in the test that needs it.
"""

import contextlib

from semrouter_extproc.errors import EnvironmentProblem
from semrouter_extproc.workbench.backend.machine import Machine, require
from semrouter_extproc.workbench.backend.server import install
from semrouter_extproc.workbench.progress import Silent
from support.litellm_environment import litellm_environment
from support.templates import chat_templates
from support.tiny_model import tiny_model


def main() -> None:
    """Install, fetch and build everything, most needed first."""
    with contextlib.suppress(EnvironmentProblem):
        require(Machine.here())
        installation = install(Silent())
        tiny_model(installation, Silent())
        chat_templates(Silent())
        litellm_environment(Silent())


if __name__ == "__main__":
    main()
