"""`semrouter demo`: Envoy, the router and a real vLLM on one machine, and their proof."""

from rich.console import Console

from semrouter_extproc.errors import EnvironmentProblem


def run_demo(*, keep: bool, console: Console) -> int:
    """Run the demo as `demo.run` describes it; says what to install if a package is missing."""
    try:
        # Needs packages of an extra, which `semrouter --help` must not.
        from semrouter_extproc.workbench.demo import run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise EnvironmentProblem(
            f"The demo needs {error.name}: run `pip install 'semrouter-extproc[demo,torch]'`."
        ) from None
    return run.run_demo(keep=keep, console=console)
