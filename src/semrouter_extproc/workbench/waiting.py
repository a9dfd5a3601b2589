"""Shows what a wait is for: moving on a terminal, as lines anywhere else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from semrouter_extproc.workbench.progress import Progress

_SECONDS_BETWEEN_LINES: Final = 5.0


@contextmanager
def waiting_on(console: Console) -> Iterator[Progress]:
    """Show the progress of a block on `console`."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    bars = Bars(
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TextColumn(
            "[dim]{task.fields[detail]}",
            table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
        ),
        console=console,
        expand=True,
    )
    with bars:
        moving = _Moving(bars)
        yield moving
        moving.finish()


class _Moving:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def step(self, text: str) -> None:
        self.finish()
        self._task = self._bars.add_task(text, total=1, detail="")

    def detail(self, text: str) -> None:
        if self._task is not None:
            self._bars.update(self._task, detail=escape(text))

    def finish(self) -> None:
        if self._task is not None:
            self._bars.update(self._task, completed=1, detail="")


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._printed_at = 0.0
        self._detail = ""

    def step(self, text: str) -> None:
        self._print(text)

    def detail(self, text: str) -> None:
        waited = time.monotonic() - self._printed_at
        if text != self._detail and waited > _SECONDS_BETWEEN_LINES:
            self._detail = text
            self._print(f"  {text}")

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, no_wrap=True, overflow="ellipsis")
        self._printed_at = time.monotonic()
