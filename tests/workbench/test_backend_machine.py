from dataclasses import replace
from pathlib import Path

import pytest

from semrouter_extproc.errors import EnvironmentProblem
from semrouter_extproc.workbench.backend.machine import Machine, free_bytes, require, require_room

_GOOD = Machine(
    system="Linux",
    processor="x86_64",
    python=(3, 12),
    implementation="CPython",
    libc=("glibc", "2.36"),
    makes_environments=True,
)
_GIB = 1024**3


def test_a_linux_on_x86_64_has_no_faults() -> None:
    assert list(_GOOD.faults()) == []


@pytest.mark.parametrize(
    ("machine", "says"),
    [
        (replace(_GOOD, system="Darwin", processor="arm64"), "this is Darwin arm64"),
        (replace(_GOOD, processor="aarch64"), "this is Linux aarch64"),
        (replace(_GOOD, libc=("glibc", "2.28")), "this is glibc 2.28"),
        (replace(_GOOD, libc=("", "")), "glibc 2.31 or later; this is none"),
        (replace(_GOOD, python=(3, 15)), "this is CPython 3.15"),
        (replace(_GOOD, implementation="PyPy"), "this is PyPy 3.12"),
        (replace(_GOOD, makes_environments=False), "apt install python3-venv"),
    ],
)
def test_what_is_missing_is_named_with_the_other_ways(machine: Machine, says: str) -> None:
    with pytest.raises(EnvironmentProblem) as problem:
        require(machine)

    assert says in str(problem.value)
    assert "`docker compose -f deploy/compose/compose.yaml up`" in str(problem.value)
    assert "run vLLM elsewhere" in str(problem.value)


def test_a_foreign_system_is_told_nothing_about_its_python() -> None:
    assert len(list(replace(_GOOD, system="Windows", python=(3, 15)).faults())) == 1


def test_too_little_room_is_said_in_gigabytes() -> None:
    with pytest.raises(EnvironmentProblem, match=r"/cache has 9\.5 GB free"):
        require_room(Path("/cache"), int(9.5 * _GIB))


def test_enough_room_is_no_problem() -> None:
    require_room(Path("/cache"), 10 * _GIB)


def test_the_room_of_a_folder_to_come_is_that_of_its_parent(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet") > 0
