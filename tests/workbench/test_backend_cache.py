import multiprocessing
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from semrouter_extproc.workbench.backend.cache import (
    default_cache,
    digest,
    is_complete,
    prepared,
)
from semrouter_extproc.workbench.progress import Silent

_SPAWN = multiprocessing.get_context("spawn")


class _Noted(Silent):
    def __init__(self) -> None:
        self.steps: list[str] = []

    def step(self, text: str) -> None:
        self.steps.append(text)


def _write_word(folder: Path) -> None:
    (folder / "word").write_text("built")


def _fail(_folder: Path) -> None:
    raise AssertionError("built a second time")


def test_the_key_changes_with_every_ingredient_and_with_their_borders() -> None:
    keys = {digest("ab", "c"), digest("a", "bc"), digest("abc"), digest("ab", "c", "")}

    assert len(keys) == 4
    assert digest("ab", "c") in keys


def test_the_cache_lies_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert default_cache() == tmp_path / "semrouter"


def test_a_folder_is_built_once(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "deep" / "thing", _write_word, Silent())
    again = prepared(folder, _fail, Silent())

    assert again == folder
    assert (folder / "word").read_text() == "built"


def test_what_a_failed_build_left_is_thrown_away(tmp_path: Path) -> None:
    def break_off(folder: Path) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    folder = tmp_path / "thing"
    with pytest.raises(KeyboardInterrupt):
        prepared(folder, break_off, Silent())
    assert not is_complete(folder)

    prepared(folder, _write_word, Silent())
    assert not (folder / "half").exists()
    assert is_complete(folder)


def _build_slowly(folder: Path, begun: Event) -> None:
    def build(target: Path) -> None:
        begun.set()
        time.sleep(1.0)
        _write_word(target)

    prepared(folder, build, Silent())


def test_a_second_process_waits_for_the_first_and_says_so(tmp_path: Path) -> None:
    folder, begun = tmp_path / "thing", _SPAWN.Event()
    other = _SPAWN.Process(target=_build_slowly, args=(folder, begun))
    other.start()
    assert begun.wait(30)
    progress = _Noted()

    prepared(folder, _fail, progress)
    other.join()

    assert (folder / "word").read_text() == "built"
    assert progress.steps == ["Waiting for another process that prepares thing"]


def test_the_death_of_a_builder_does_not_block_the_next(tmp_path: Path) -> None:
    folder, begun = tmp_path / "thing", _SPAWN.Event()
    other = _SPAWN.Process(target=_build_slowly, args=(folder, begun))
    other.start()
    assert begun.wait(30)
    other.kill()
    other.join()

    prepared(folder, _write_word, Silent())

    assert is_complete(folder)
