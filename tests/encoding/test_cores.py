import os
from pathlib import Path

import pytest

from semrouter_extproc.encoding.cores import usable_cores

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
