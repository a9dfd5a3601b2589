"""A Python of its own, for what an import does to a process."""

import os
import subprocess
import sys


def run_python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `code`, without a way to the model hub."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HF_HUB_OFFLINE": "1", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
