"""Where every benchmark leaves its figures: in `results/`, or in the folder BENCH_RESULTS."""

import os
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.markdown import Markdown

RESULTS: Final = Path(os.environ.get("BENCH_RESULTS", Path(__file__).parent / "results"))


def publish(name: str, results: object, table: str, console: Console) -> None:
    """Write `results` as `NAME.json` and `table` as `NAME.md`, and show the table."""
    RESULTS.mkdir(exist_ok=True)
    document = msgspec.json.format(msgspec.json.encode(results), indent=2)
    (RESULTS / f"{name}.json").write_bytes(document + b"\n")
    (RESULTS / f"{name}.md").write_text(table)
    console.print(Markdown(table))
