import subprocess
import sys
from pathlib import Path

from semrouter_extproc import core

CORE = sorted(path.stem for path in Path(core.__file__).parent.glob("[a-z]*.py"))
HEAVY = ("asyncio", "grpc", "torch", "prometheus_client", "pydantic", "structlog")


def loaded_by(*modules: str) -> set[str]:
    """Return what a fresh interpreter has loaded after importing `modules`."""
    script = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def test_the_core_loads_nothing_that_talks_waits_or_counts() -> None:
    loaded = loaded_by(*(f"semrouter_extproc.core.{name}" for name in CORE))

    assert loaded.isdisjoint(HEAVY)


def test_the_command_line_answers_help_without_loading_a_server() -> None:
    assert loaded_by("semrouter_extproc.cli.app").isdisjoint({"grpc", "torch", "uvicorn"})
