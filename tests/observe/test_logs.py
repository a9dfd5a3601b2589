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
