"""Lines in a folder that stays small, on disks that do not always take them."""

import os
import resource
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from semrouter_extproc.observe.journal import PATTERN, Journal

KIB = 1024
BOUND = 256 * KIB


def lines_in(folder: Path) -> list[bytes]:
    return [line for file in sorted(folder.glob(PATTERN)) for line in file.read_bytes().split()]


def bytes_in(folder: Path) -> int:
    total = 0
    for file in folder.glob(PATTERN):
        with suppress(FileNotFoundError):  # another writer was quicker
            total += file.stat().st_size
    return total


def row(number: int, size: int = KIB) -> bytes:
    return f"{number:0{size - 1}d}\n".encode()


def test_the_folder_never_exceeds_its_bound_and_keeps_the_latest_lines(tmp_path: Path) -> None:
    journal = Journal(tmp_path, BOUND)

    most = 0
    for number in range(1000):
        journal.append(row(number))
        most = max(most, bytes_in(tmp_path))

    kept = [int(line) for line in lines_in(tmp_path)]
    assert BOUND / 2 < most <= BOUND
    assert kept == list(range(kept[0], 1000))


def test_what_others_keep_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "important.jsonl"
    other.write_bytes(b"x" * BOUND)
    journal = Journal(tmp_path, BOUND)

    for number in range(500):
        journal.append(row(number))

    assert other.stat().st_size == BOUND


def test_writers_that_share_a_folder_keep_its_bound_together(tmp_path: Path) -> None:
    def write(writer: int) -> int:
        journal = Journal(tmp_path, BOUND)
        most = 0
        for number in range(200):
            journal.append(row(writer * 1000 + number))
            most = max(most, bytes_in(tmp_path))
        return most

    with ThreadPoolExecutor(4) as pool:
        most = max(pool.map(write, range(4)))

    assert BOUND / 2 < bytes_in(tmp_path) <= most <= BOUND


def test_a_file_that_another_writer_removed_is_replaced_by_a_new_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path, BOUND)
    journal.append(row(1))
    for file in tmp_path.glob(PATTERN):
        file.unlink()

    journal.append(row(2))

    assert [int(line) for line in lines_in(tmp_path)] == [2]


def test_only_the_owner_can_read_what_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "recorded"
    Journal(folder, BOUND).append(row(1))

    (file,) = folder.glob(PATTERN)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_is_tried_again(tmp_path: Path) -> None:
    blocked = tmp_path / "recorded"
    blocked.write_text("a file, where the folder should be")
    journal = Journal(blocked, BOUND)
    with pytest.raises(OSError, match="recorded"):
        journal.append(row(1))

    blocked.unlink()
    journal.append(row(2))

    assert [int(line) for line in lines_in(blocked)] == [2]


FULL_DISK = f"""
import sys
from pathlib import Path
from semrouter_extproc.observe.journal import Journal
journal = Journal(Path(sys.argv[1]), {BOUND})
for number in range(20):
    try:
        journal.append(b"%0999d\\n" % number)
    except OSError:
        print(number)
"""


def test_no_half_line_is_left_on_a_full_disk(tmp_path: Path) -> None:
    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4500, 4500))

    failed = subprocess.run(
        [sys.executable, "-c", FULL_DISK, os.fspath(tmp_path)],
        preexec_fn=small_files_only,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert [int(line) for line in lines_in(tmp_path)] == [0, 1, 2, 3]
    assert [int(number) for number in failed] == list(range(4, 20))


def test_a_descriptor_that_a_disk_has_lost_is_replaced(tmp_path: Path) -> None:
    journal = Journal(tmp_path, BOUND)
    journal.append(row(1))
    os.close(journal._descriptor)

    with pytest.raises(OSError, match="Bad file descriptor"):
        journal.append(row(2))
    journal.append(row(3))

    assert [int(line) for line in lines_in(tmp_path)] == [1, 3]
