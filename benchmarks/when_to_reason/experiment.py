"""The experiment from the command line to the report."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from results_files import publish
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from when_to_reason.answers import Answer, Asked, Ledger, Way, to_ask
from when_to_reason.asking import Failure, ask, ask_all, client_of
from when_to_reason.centroids import fitted_without_held_out
from when_to_reason.figures import Row, figures_of, rows_of
from when_to_reason.options import Options, read_options
from when_to_reason.pairs import write_records
from when_to_reason.questions import (
    Question,
    in_turn,
    not_learned_from,
    read_questions,
    rows_in,
)
from when_to_reason.report import markdown
from when_to_reason.stack import Backend, running_here, running_in_front

from semrouter_extproc.artefact import load
from semrouter_extproc.config import Address
from semrouter_extproc.errors import ConfigError, EnvironmentProblem, SemRouterError
from semrouter_extproc.workbench.doctor.endpoint import Endpoint
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on

_INTERRUPTED: Final = 130
_FAILURES_SHOWN: Final = 5
_LISTED_WITHIN: Final = 10.0


def main() -> int:
    """Run it, and return the exit code.

    0 if every answer is there, 1 if some are missing, 2 for a problem that the user must solve,
    130 after Ctrl-C.
    """
    console = Console()
    try:
        return _run(read_options(), console)
    except SemRouterError as error:
        print(f"live.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped. The answers are kept; the same command goes on.", file=sys.stderr)
        return _INTERRUPTED


@dataclass(frozen=True, slots=True)
class _Session:
    """What one run works with."""

    options: Options
    centroids: Path
    questions: Sequence[Question]
    ledger: Ledger
    console: Console


def _run(options: Options, console: Console) -> int:
    with waiting_on(console) as progress:
        centroids = fitted_without_held_out(rows_in(options.data), progress)
    questions = _chosen(options, centroids)
    ledger = Ledger(options.out / "answers.jsonl")
    session = _Session(options, centroids, questions, ledger, console)
    failures = _ask_what_is_missing(session)
    rows = rows_of(questions, ledger.answers(options.settings), judge=options.judges)
    _tell(failures, console)
    if not rows:
        raise EnvironmentProblem("no question has been answered in every way")
    _publish(rows, session)
    return 1 if failures else 0


def _chosen(options: Options, centroids: Path) -> list[Question]:
    seen = load(centroids).seen
    fresh = not_learned_from(read_questions(rows_in(options.data)), seen)
    questions = in_turn(fresh)[: options.questions]
    if options.records_out and not (options.judges and any(each.right for each in questions)):
        raise ConfigError(
            "--records-out",
            ['records need a model at --base-url, and rows with "answer" in DATA'],
        )
    return questions


def _ask_what_is_missing(session: _Session) -> list[str]:
    """Ask, and return what went wrong."""
    options, ledger = session.options, session.ledger
    known = ledger.answers(options.settings)
    asked = to_ask([each.id for each in session.questions], known)
    if not asked:
        return []
    ledger.drop_torn_line()
    with TemporaryDirectory(prefix="semrouter-live-") as folder, ExitStack() as parts:
        with waiting_on(session.console) as progress:
            envoy = parts.enter_context(_started(session, Path(folder), progress))
            progress.step("Asking a first question, which does not count")
            asyncio.run(_warm_up(envoy, session))
        with _counting(session.console, len(asked)) as count:

            def keep(answer: Answer) -> None:
                ledger.append(answer)
                count()

            return asyncio.run(_asked(envoy, session, asked, keep))


@contextmanager
def _started(session: _Session, folder: Path, progress: Progress) -> Iterator[Address]:
    backend, centroids = session.options.backend, session.centroids
    if backend is None:
        with running_here(centroids, folder, progress) as envoy:
            yield envoy
        return
    _require_model(backend, session.options.api_key)
    with running_in_front(backend, centroids, folder, progress) as envoy:
        yield envoy


def _require_model(backend: Backend, api_key: str) -> None:
    endpoint = Endpoint(backend.address, seconds=_LISTED_WITHIN, api_key=api_key)
    names = endpoint.names()
    if names is not None and backend.model not in names:
        raise EnvironmentProblem(
            f"{backend.address} serves {', '.join(sorted(names))}, and no {backend.model}"
        )


async def _warm_up(envoy: Address, session: _Session) -> None:
    """Let a server do what it does but once; raises `EnvironmentProblem` if it does not answer."""
    trial = Question("trial", "Which of these is a colour?", "", ("Blue", "Seven"))
    async with client_of(envoy, session.options.api_key) as client:
        try:
            await ask(client, trial, Way.ALWAYS_OFF, session.options.settings)
        except Failure as failure:
            raise EnvironmentProblem(f"the model does not answer: {failure}") from None


async def _asked(
    envoy: Address, session: _Session, asked: Sequence[Asked], keep: Callable[[Answer], None]
) -> list[str]:
    questions: Mapping[str, Question] = {each.id: each for each in session.questions}
    async with client_of(envoy, session.options.api_key) as client:
        return await ask_all(client, asked, questions, session.options.settings, keep)


@contextmanager
def _counting(console: Console, total: int) -> Iterator[Callable[[], None]]:
    """Show how many of `total` answers there are: a bar on a terminal, lines anywhere else."""
    if not console.is_terminal:
        with waiting_on(console) as progress:
            progress.step(f"Asking {total:,} times")
            done = iter(range(1, total + 1))
            yield lambda: progress.detail(f"{next(done):,} of {total:,} answered")
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Bars(TextColumn("Asking"), *columns, console=console) as bars:
        task = bars.add_task("Asking", total=total)
        yield lambda: bars.advance(task)


def _tell(failures: Sequence[str], console: Console) -> None:
    if failures:
        console.print(f"[red]{len(failures)} answers are missing; the same command asks again:")
        for failure in failures[:_FAILURES_SHOWN]:
            console.print(f"  {failure}", markup=False, highlight=False)


def _publish(rows: Sequence[Row], session: _Session) -> None:
    options, console = session.options, session.console
    figures = figures_of(rows, options.settings, len(session.questions) - len(rows))
    publish("when_to_reason", figures, markdown(figures), console)
    console.print(f"Answers: {session.ledger.path}")
    if options.records_out:
        written = write_records(options.records_out, rows)
        console.print(f"Records: {written:,} rows in {options.records_out}")
