"""What the package index gets, built as it is for it: the sdist, and from that the wheel."""

import os
import shutil
import subprocess
import sys
import tarfile
from email import message_from_bytes
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest

from support.fresh_python import run_python

ROOT = Path(__file__).parents[2]
PACKAGE = "semrouter_extproc"
DIST_INFO = f"{PACKAGE}-{version(PACKAGE)}.dist-info"
GENERATED = {
    f"{PACKAGE}/extproc/_pb/{name}"
    for name in (
        "__init__.py",
        "access_log_pb2.py",
        "access_log_pb2.pyi",
        "ext_proc_pb2.py",
        "ext_proc_pb2.pyi",
    )
}
# More than belongs into either.
FOLDERS = ("src", "proto", "config", "benchmarks", "deploy", "docs", "requirements", "tests")
FILES = (
    *(".gitignore", "hatch_build.py", "pyproject.toml", "Makefile", "Dockerfile"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"),
)
FEW_MEGABYTES = 8_000_000


def build(target: str, sources: Path, out: Path) -> Path:
    """Build `sources` with the packages that are installed here."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory"]
    subprocess.run([*command, str(out)], cwd=sources, check=True, capture_output=True)
    (built,) = out.iterdir()
    return built


def written_by_hand() -> set[str]:
    """Return the files of the package, as a wheel names them."""
    source = ROOT / "src"
    paths = (path for path in (source / PACKAGE).rglob("*") if path.is_file())
    return {
        path.relative_to(source).as_posix()
        for path in paths
        if not {"__pycache__", "_pb"} & set(path.parts)
    }


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # From a copy, since building writes the generated modules into src/.
    sources = tmp_path_factory.mktemp("sources")
    for folder in FOLDERS:
        built = shutil.ignore_patterns("__pycache__", "_pb")
        shutil.copytree(ROOT / folder, sources / folder, ignore=built)
    for file in FILES:
        shutil.copy(ROOT / file, sources)
    return build("sdist", sources, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    (sources,) = unpacked.iterdir()
    return build("wheel", sources, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in a folder of its own. What it depends on is that of the tests."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--no-compile",
    ]
    subprocess.run([*pip, "--target", str(folder), str(wheel)], check=True)
    return folder


def names(wheel: Path) -> set[str]:
    return set(ZipFile(wheel).namelist())


def test_the_sdist_holds_what_a_wheel_is_built_from_and_the_page(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        tops = {PurePosixPath(name).parts[1] for name in archive.getnames()}

    built_from = {"src", "proto", "hatch_build.py", "pyproject.toml"}
    read = {"README.md", "LICENSE", "CHANGELOG.md", "config"}
    assert tops == built_from | read | {"PKG-INFO", ".gitignore"}


def test_the_wheel_holds_the_package_its_generated_modules_and_its_licence(wheel: Path) -> None:
    about = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}

    assert names(wheel) == (
        written_by_hand() | GENERATED | {f"{DIST_INFO}/{each}" for each in about}
    )


def test_the_wheel_holds_what_the_router_reads_beside_its_code(wheel: Path) -> None:
    beside = (
        "artefacts/mmlu-pro/centroids.safetensors",
        "artefacts/mmlu-pro/meta.json",
        "artefacts/mmlu-pro/static.safetensors",
        "config/dialects.yaml",
        "py.typed",
    )

    assert {f"{PACKAGE}/{each}" for each in beside} <= names(wheel)


def test_both_are_a_few_megabytes(sdist: Path, wheel: Path) -> None:
    assert sdist.stat().st_size < FEW_MEGABYTES
    assert wheel.stat().st_size < FEW_MEGABYTES


def test_every_extra_has_its_line_in_the_documents(wheel: Path) -> None:
    about = message_from_bytes(ZipFile(wheel).read(f"{DIST_INFO}/METADATA"))
    page = (ROOT / "docs" / "versions.md").read_text(encoding="utf-8")

    extras = about.get_all("Provides-Extra", [])
    assert [extra for extra in extras if f"| `{extra}` |" not in page] == []


def test_the_installed_package_is_what_a_fresh_python_imports(installed: Path) -> None:
    done = run_python(f"import {PACKAGE}; print({PACKAGE}.__file__)", PYTHONPATH=str(installed))

    assert done.stdout.strip() == str(installed / PACKAGE / "__init__.py")


def test_the_installed_command_runs(installed: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(installed / "bin" / "semrouter"), "--help"],
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "envoy-config" in done.stdout
