import os
import threading
from pathlib import Path

import pytest

from semrouter_extproc.encoding.cores import step_back, usable_cores
from support.fresh_python import run_python

VISIBLE = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("100000 100000", 1),
        ("50000 100000", 1),
        (f"{VISIBLE * 100000} 100000", VISIBLE),
        ("99000000 100000", VISIBLE),
        ("max 100000", VISIBLE),
        ("nonsense", VISIBLE),
    ],
)
def test_a_quota_bounds_the_cores(tmp_path: Path, quota: str, cores: int) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(quota)

    assert usable_cores(file) == cores


def test_without_a_quota_every_visible_core_counts(tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "absent") == VISIBLE


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_a_thread_steps_back_behind_the_others() -> None:
    seen: list[int] = []

    def work() -> None:
        step_back()
        seen.append(niceness())

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()

    assert seen == [min(niceness() + 10, 19)]


def test_stepping_back_needs_no_rights_where_the_process_is_nice_already() -> None:
    done = run_python(
        "import os\n"
        "from semrouter_extproc.encoding.cores import step_back\n"
        "os.nice(10)\n"
        "if os.geteuid() == 0:\n"
        "    os.setuid(65534)\n"
        "before = os.nice(0)\n"
        "step_back()\n"
        "print(os.nice(0) - before)"
    )

    assert 0 <= int(done.stdout) <= 10
