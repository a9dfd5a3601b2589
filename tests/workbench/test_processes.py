import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from semrouter_extproc.errors import EnvironmentProblem
from semrouter_extproc.workbench.processes import await_ready, foreign_environment, guarded, run
from semrouter_extproc.workbench.progress import Silent

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the demo runs on Linux")

# A parent and a grandchild of ours, which write their numbers and then wait; deaf ones
# ignore SIGTERM.
_FAMILY = """\
import os, pathlib, signal, subprocess, sys, time
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
folder = pathlib.Path(sys.argv[1])
if "child" not in sys.argv:
    subprocess.Popen([sys.executable, __file__, *sys.argv[1:], "child"])
(folder / str(os.getpid())).touch()
time.sleep(600)
"""

_STARTER = """\
import pathlib, subprocess, sys, time
from semrouter_extproc.workbench.processes import guarded
with guarded(sys.argv[1:], output=subprocess.DEVNULL):
    time.sleep(600)
"""


class _Noted(Silent):
    def __init__(self) -> None:
        self.details: list[str] = []

    def detail(self, text: str) -> None:
        self.details.append(text)


@pytest.fixture
def family(tmp_path: Path) -> Path:
    script = tmp_path / "family.py"
    script.write_text(_FAMILY)
    (tmp_path / "pids").mkdir()
    return script


def _eventually(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    give_up = time.monotonic() + seconds
    while not condition() and time.monotonic() < give_up:
        time.sleep(0.02)
    return condition()


def _members(folder: Path) -> list[int]:
    assert _eventually(lambda: len(list(folder.iterdir())) == 2)
    return [int(path.name) for path in folder.iterdir()]


def _runs(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_the_whole_family_ends_with_the_block(family: Path) -> None:
    pids = family.parent / "pids"
    with guarded([sys.executable, family, str(pids)], output=subprocess.DEVNULL):
        members = _members(pids)
        assert all(map(_runs, members))

    assert not any(map(_runs, members))


def test_a_family_deaf_to_sigterm_ends_after_the_grace(family: Path) -> None:
    pids = family.parent / "pids"
    command = [sys.executable, str(family), str(pids), "deaf"]
    with guarded(command, output=subprocess.DEVNULL, grace=0.2):
        members = _members(pids)

    assert not any(map(_runs, members))


def test_the_family_ends_when_its_starter_is_killed(family: Path) -> None:
    pids = family.parent / "pids"
    starter = subprocess.Popen(
        [sys.executable, "-c", _STARTER, sys.executable, str(family), str(pids)]
    )
    members = _members(pids)

    starter.kill()
    starter.wait()

    assert _eventually(lambda: not any(map(_runs, members)))


def test_ctrl_c_at_the_terminal_does_not_reach_the_command() -> None:
    with guarded([sys.executable, "-c", "input()"], output=subprocess.DEVNULL) as process:
        assert os.getsid(process.pid) != os.getsid(0)


def test_run_shows_every_line_also_those_that_overwrite_each_other() -> None:
    progress = _Noted()

    run([sys.executable, "-c", r"print('one\rtwo\nthree')"], progress=progress, failure="no")

    assert progress.details == ["one", "two", "three"]


def test_a_failing_command_is_told_with_its_last_lines() -> None:
    script = "import sys; print('no such index'); sys.exit(3)"
    with pytest.raises(EnvironmentProblem) as problem:
        run([sys.executable, "-c", script], progress=Silent(), failure="pip failed")

    assert str(problem.value) == "pip failed (exit code 3):\nno such index"


def test_a_command_killed_by_a_signal_has_failed() -> None:
    script = f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})"
    with pytest.raises(EnvironmentProblem, match="exit code 137"):
        run([sys.executable, "-c", script], progress=Silent(), failure="killed")


def test_a_server_that_stops_while_starting_is_told_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as output:
        command = [sys.executable, "-c", "print('out of memory')"]
        with (
            guarded(command, output=output) as process,
            pytest.raises(EnvironmentProblem, match=r"It stopped while starting:\nout of memory"),
        ):
            await_ready("It", process, lambda: False, log=log, progress=Silent(), seconds=30)


def test_a_server_that_does_not_get_ready_is_given_up(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as output:
        command = [sys.executable, "-c", "import time; time.sleep(600)"]
        with (
            guarded(command, output=output) as process,
            pytest.raises(EnvironmentProblem, match=r"It was not ready in 0\.3 s"),
        ):
            await_ready("It", process, lambda: False, log=log, progress=Silent(), seconds=0.3)


def test_another_interpreter_does_not_see_our_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("TORCH_HOME", "/theirs")

    environment = foreign_environment(HF_HUB_OFFLINE="1")

    assert "PYTHONPATH" not in environment
    assert environment["TORCH_HOME"] == "/theirs"
    assert environment["HF_HUB_OFFLINE"] == "1"
