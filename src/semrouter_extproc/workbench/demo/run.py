"""The demo from its first wait to its last line."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Final

from rich.console import Console
from rich.live import Live

from semrouter_extproc.config import Address
from semrouter_extproc.workbench.backend.server import MODEL
from semrouter_extproc.workbench.demo.board import Board
from semrouter_extproc.workbench.demo.client import ask, client_of
from semrouter_extproc.workbench.demo.prompts import PROMPTS, Prompt
from semrouter_extproc.workbench.demo.proof import Counts, doubts
from semrouter_extproc.workbench.demo.stack import Stack, running_stack
from semrouter_extproc.workbench.demo.verdict import conclude, curl_line
from semrouter_extproc.workbench.waiting import waiting_on

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_INTERRUPTED: Final = 130
_WIDTH_OF_FILES: Final = 120
_NARROW: Final = 100


def run_demo(*, keep: bool, console: Console) -> int:
    """Send a dozen prompts through Envoy, the router and vLLM, and show what happens.

    Returns 0 if every answer came from vLLM through Envoy, 1 if one did not, and 130 after
    Ctrl-C or SIGTERM. With `keep`, everything stays up after the last prompt until Ctrl-C.
    Raises `EnvironmentProblem` if a part cannot be set up or started.
    """
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH_OF_FILES)
    try:
        with (
            _signals_as_ctrl_c(),
            TemporaryDirectory(prefix="semrouter-demo-") as folder,
            _started(Path(folder), console) as stack,
        ):
            code = _show(stack, console)
            if keep:
                _stay(stack.envoy, console)
    except KeyboardInterrupt:
        console.print("Stopped.")
        return _INTERRUPTED
    return code


@contextmanager
def _signals_as_ctrl_c() -> Iterator[None]:
    """Have SIGTERM unwind every `with` block, as Ctrl-C does.

    SIGINT too is asked for: a shell starts its background jobs deaf to it.
    """
    before = {number: signal.signal(number, _interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _started(folder: Path, console: Console) -> Iterator[Stack]:
    with ExitStack() as parts:
        with waiting_on(console) as progress:
            stack = parts.enter_context(running_stack(folder, progress))
        yield stack


def _show(stack: Stack, console: Console) -> int:
    """Ask every prompt twice, and return the demo's exit code."""
    board = Board(PROMPTS, narrow=console.width < _NARROW)
    with (
        client_of(stack.envoy) as client,
        Live(console=console, get_renderable=board.table, refresh_per_second=8, transient=True),
    ):
        for prompt in PROMPTS:
            board.routed.append(ask(client, prompt))
            _count(board, console)
        for prompt in PROMPTS:
            board.always_on.append(ask(client, _always_on(prompt)))
            _count(board, console)
    console.print(board.table())
    outcomes = board.outcomes
    counts = Counts.settled(len(outcomes), stack.envoy_admin, stack.vllm)
    return conclude(board, list(doubts(outcomes, counts)), console)


def _always_on(prompt: Prompt) -> Prompt:
    """Ask the same of the model itself, as if there were no router to decide."""
    return replace(prompt, model=MODEL, thinking=True)


def _count(board: Board, console: Console) -> None:
    """Show the progress where a table cannot be redrawn."""
    if not console.is_terminal:
        console.print(f"  {len(board.outcomes)} of {2 * len(PROMPTS)} answered", highlight=False)


def _stay(envoy: Address, console: Console) -> None:
    console.print("\nStill up, until Ctrl-C. Try:")
    # As one line, however long, so that it can be copied.
    console.print(curl_line(envoy), soft_wrap=True, highlight=False)
    with suppress(KeyboardInterrupt):
        signal.pause()
