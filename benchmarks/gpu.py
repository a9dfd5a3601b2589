"""How close the router comes to what a GPU can encode.

Encoders with random weights are made on the spot, so that nothing is downloaded: it needs this
project and its `torch` extra. Measured are prompts per second by the batch budget beside the
network alone, ways to feed the device with and without each, and the whole router in this
process. Writes `results/gpu.json`, `.md` and `.svg`; with `--device cpu` it only tries out what
needs no GPU, on a tiny encoder, and writes nothing.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import torch
import uvloop
from gpu_encoding import Network, sweep
from gpu_material import LARGE, TINY, encoder_folder, prompts
from gpu_options import options
from gpu_report import Budget, Model, Results, draw, markdown
from gpu_service import served
from random_model import Shape
from results_files import publish
from rich.console import Console
from rich.markdown import Markdown

from semrouter_extproc.encoding.torch_encoder import TorchEncoder
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on

NEARLY: Final = 0.95


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured: encoders, prompts, batch budgets, and numbers of callers."""

    shapes: Sequence[Shape]
    prompts: int
    budgets: Sequence[int]
    callers: Sequence[int]


FULL: Final = Extent(LARGE, 8_192, (512, 2_048, 8_192, 32_768, 131_072), (1, 32, 256, 1_024))
TRIAL: Final = Extent(TINY, 128, (512, 2_048), (1, 32))


def main() -> None:
    """Measure both encoders and write the three files, or try it out on the CPU."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1 or cpu")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    arguments = parser.parse_args()
    trial = arguments.device == "cpu"
    if not trial and not torch.cuda.is_available():
        print("gpu.py: torch finds no CUDA here; --device cpu tries the rest", file=sys.stderr)
        sys.exit(2)
    console = Console()
    with waiting_on(console) as progress:
        extent = TRIAL if trial else FULL
        results = measure(extent, arguments.device, arguments.seconds, progress)
    if trial:
        console.print(Markdown(markdown(results)))
    else:
        publish("gpu", results, markdown(results), console)
        draw(results)


def measure(extent: Extent, device: str, seconds: float, progress: Progress) -> Results:
    """Measure every shape."""
    bench = Bench(extent, device, seconds, prompts(extent.prompts), progress)
    with TemporaryDirectory() as scratch:
        models = tuple(
            bench.model(shape, encoder_folder(shape, Path(scratch) / str(shape.layers)))
            for shape in extent.shapes
        )
    name = "the CPU" if device == "cpu" else torch.cuda.get_device_name(device)
    versions = [f"{each} {version(each)}" for each in ("torch", "transformers")]
    return Results(name, ", ".join(versions), models)


@dataclass(frozen=True, slots=True)
class Bench:
    """Measures encoders, each step for so many `seconds`."""

    extent: Extent
    device: str
    seconds: float
    texts: Sequence[str]
    progress: Progress

    def model(self, shape: Shape, folder: Path) -> Model:
        """Measure one encoder."""
        self.progress.step(f"{shape.name}: every batch budget")
        encoder = TorchEncoder(str(folder), device=self.device, precision="bfloat16")
        tokens = encoder.tokenize(self.texts)
        network = Network(folder, self.device, torch.bfloat16)
        rows = sweep(encoder, network, tokens, self.extent.budgets, self.seconds)
        budget = chosen(rows)
        self.progress.step(f"{shape.name}: every option")
        found = options(folder, self.device, tokens, budget, self.seconds)
        self.progress.step(f"{shape.name}: the whole router")
        service = [
            uvloop.run(served(encoder, budget, self.texts, callers, self.seconds))
            for callers in self.extent.callers
        ]
        return Model(shape.name, rows, budget, tuple(found), tuple(service))


def chosen(rows: Sequence[Budget]) -> int:
    """Return the smallest budget that is nearly as good as the best."""
    best = max(row.rate for row in rows)
    return next(row.tokens for row in rows if row.rate >= NEARLY * best)


if __name__ == "__main__":
    main()
