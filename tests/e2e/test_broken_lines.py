"""Whether the harness would notice: with a line broken, it must say something else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.broken_lines import LINES, BrokenLine, broken, copy_of_the_package
from support.fault_benches import RouterBench, running_bench


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_the_package(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def router(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RouterBench]:
    with running_bench(tmp_path_factory.mktemp("bench"), package=package) as router:
        yield router


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_a_broken_line_is_noticed(router: RouterBench, package: Path, line: BrokenLine) -> None:
    with broken(line, package):
        router.bench.victim.kill()
        router.bench.victim.start()
        seen = line.probe.look(router)

    assert seen != line.probe.usual
