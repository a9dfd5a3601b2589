"""The page of `semrouter evaluate` for prompts and records that nothing was learned from.

Categories are learned from MMLU-Pro without the held-out rows, when to reason from seven tenths of
the records of BIG-bench Hard; the rest judges. It takes half an hour, all of it by the command
line. The page goes to `--out`, its pictures to `docs/pictures`.
"""

import argparse
import gzip
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from semrouter_extproc.workbench.evaluation.pictures.confusion import draw_confusion
from semrouter_extproc.workbench.evaluation.pictures.frontier import draw_frontier
from semrouter_extproc.workbench.evaluation.pictures.gains import draw_gains
from semrouter_extproc.workbench.evaluation.pictures.reliability import draw_reliability
from semrouter_extproc.workbench.evaluation.results import Report
from semrouter_extproc.workbench.fit import is_held_out

PICTURES: Final = Path(__file__).parents[1] / "docs" / "pictures"


def main() -> None:
    """Learn, judge, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder of labelled prompts and records")
    parser.add_argument("--out", type=Path, default=Path("example-page"))
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        learn_and_judge(arguments.data, Path(name), arguments.out)
    draw(arguments.out / "report.json")


def learn_and_judge(data: Path, scratch: Path, out: Path) -> None:
    """Run fit, tune and evaluate on rows of their own."""
    examples = parted(data / "examples" / "mmlu_pro.jsonl.gz", scratch / "examples")
    records = parted(data / "records" / "bbh_codex.jsonl.gz", scratch / "records")
    semrouter("fit", "--examples", examples[0], "--out", scratch / "fitted")
    semrouter(
        *("tune", "--centroids", scratch / "fitted", "--records", records[0]),
        *("--out", scratch / "tuned"),
    )
    semrouter(
        *("evaluate", "--centroids", scratch / "tuned", "--examples", examples[1]),
        *("--records", records[1], "--out", out),
    )


def parted(archive: Path, stem: Path) -> tuple[Path, Path]:
    """Write the rows to learn from and those to judge by, and return both files."""
    files = stem.with_suffix(".learn.jsonl"), stem.with_suffix(".judge.jsonl")
    with gzip.open(archive, "rt") as rows, files[0].open("w") as learn, files[1].open("w") as judge:
        for row in rows:
            (judge if is_held_out(json.loads(row)["id"]) else learn).write(row)
    return files


def semrouter(*arguments: object) -> None:
    """Run the command line."""
    command = [sys.executable, "-m", "semrouter_extproc", *map(str, arguments)]
    subprocess.run(command, check=True)  # noqa: S603 - ourselves


def draw(report: Path) -> None:
    """Write the pictures of a report for the documents."""
    found = msgspec.json.decode(report.read_bytes(), type=Report)
    PICTURES.mkdir(exist_ok=True)
    if found.classification is not None:
        keep("reliability", draw_reliability(found.classification))
        keep("confusion", draw_confusion(found.classification))
    if found.policy is not None:
        keep("frontier", draw_frontier(found.policy))
        keep("gains", draw_gains(found.policy))


def keep(name: str, picture: str) -> None:
    """Write one picture."""
    (PICTURES / f"{name}.svg").write_text(f"{picture}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
