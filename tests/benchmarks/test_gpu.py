import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.py"


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False
    )


def test_a_trial_on_the_cpu_measures_budgets_options_and_the_whole_router() -> None:
    done = run("--device", "cpu", "--seconds", "0.1")
    assert done.returncode == 0, done.stderr
    for part in ("2 layers of 64", "length buckets", "callers"):
        assert part in done.stdout


def test_without_a_gpu_it_says_so_in_one_line() -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    done = run()
    assert done.returncode == 2
    assert done.stderr == "gpu.py: torch finds no CUDA here; --device cpu tries the rest\n"
