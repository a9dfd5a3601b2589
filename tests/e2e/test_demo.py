"""`semrouter demo` as a newcomer runs it, to its end and to Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(1500)]


@contextmanager
def running_demo(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run the demo with its output piped; all of its processes carry `folder` as TMPDIR."""
    with subprocess.Popen(
        [sys.executable, "-m", "semrouter_extproc", "demo"],
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of all processes whose TMPDIR is `folder`."""
    wanted = f"TMPDIR={folder}\0".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def all_gone(folder: Path, *, seconds: float) -> bool:
    give_up = time.monotonic() + seconds
    while processes_of(folder) and time.monotonic() < give_up:
        time.sleep(0.1)
    return not processes_of(folder)


@pytest.mark.usefixtures("installation")
def test_every_answer_comes_from_vllm_through_envoy(tmp_path: Path) -> None:
    with running_demo(tmp_path) as demo:
        output, _ = demo.communicate()

    assert demo.returncode == 0, output
    assert "All 24 answers came from vLLM through Envoy" in output
    assert "It proves no saving" in output
    assert "client_override" in output
    assert "pinned_model" in output
    assert all_gone(tmp_path, seconds=10)


@pytest.mark.usefixtures("installation")
def test_ctrl_c_leaves_no_process_behind(tmp_path: Path) -> None:
    with running_demo(tmp_path) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if line.startswith("Starting vLLM"):
                break
        assert len(processes_of(tmp_path)) > 2

        demo.send_signal(signal.SIGINT)

        assert demo.wait(60) == 130
        assert all_gone(tmp_path, seconds=10)
