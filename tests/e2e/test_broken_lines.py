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


@pytest.fixture(scope="module")
def unbroken(router: RouterBench) -> dict[str, str]:
    """What is noticed where nothing is broken."""
    return {line.name: line.notices(router) for line in LINES}


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_a_broken_line_is_noticed(
    router: RouterBench, package: Path, unbroken: dict[str, str], line: BrokenLine
) -> None:
    with broken(line, package):
        router.bench.victim.kill()
        router.bench.victim.start()
        noticed = line.notices(router)

    assert noticed != unbroken[line.name]
