import json
import os
import subprocess
import sys

LOG_A_LINE = """
import structlog
from semrouter_extproc.observe import logs
logs.configure()
log = structlog.get_logger()
{before}
log.debug("too quiet to be shown")
log.info("served", category="math")
print("still here")
"""


def run(*, before: str = "") -> tuple[str, list[str]]:
    script = LOG_A_LINE.format(before=before)
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return result.stdout, result.stderr.splitlines()


def test_a_line_is_one_json_object() -> None:
    _, (line,) = run()

    entry = json.loads(line)
    assert entry.pop("timestamp")
    assert entry == {"event": "served", "category": "math", "level": "info"}


def test_a_log_that_cannot_be_written_is_lost_and_nothing_else() -> None:
    out, _ = run(before="import sys; sys.stderr.close()")

    assert out == "still here\n"


def test_a_line_of_a_library_looks_like_one_of_ours() -> None:
    _, (foreign, _) = run(before="import logging; logging.getLogger('grpc').error('gone: %s', 1)")

    entry = json.loads(foreign)
    assert entry.pop("timestamp")
    assert entry == {"event": "gone: 1", "level": "error"}


def test_a_pipe_that_nobody_reads_holds_up_nobody() -> None:
    script = """
import structlog
from semrouter_extproc.observe import logs
logs.configure()
with logs.written_aside():
    for _ in range(20_000):
        structlog.get_logger().info("x" * 100)
    print("still here", flush=True)
"""
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        # The pipe holds 64 KiB of the 2 MB.
        assert process.stdout.readline() == b"still here\n"
        process.kill()


def test_what_waits_is_written_at_the_end() -> None:
    script = """
import structlog
from semrouter_extproc.observe import logs
logs.configure()
with logs.written_aside():
    for number in range(1000):
        structlog.get_logger().info("line", number=number)
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    numbers = [json.loads(line)["number"] for line in result.stderr.splitlines()]
    assert numbers == list(range(1000))


def test_an_exception_on_a_terminal_shows_no_variables() -> None:
    script = """
import structlog
from semrouter_extproc.observe import logs
logs.configure()
prompt = "my secret"
try:
    [][0]
except IndexError:
    structlog.get_logger().exception("failed")
"""
    terminal, stderr = os.openpty()

    subprocess.run([sys.executable, "-c", script], stderr=stderr, check=True)

    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    os.close(stderr)
    assert "IndexError" in shown
    assert "my secret" not in shown
