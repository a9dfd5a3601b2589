"""Do every harm to a real router behind real Envoys, and write faults.md's tables of it.

The introduction of faults.md, above a mark, is written by hand and stays.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import track

from semrouter_extproc.testing.faults import in_words, matrix
from semrouter_extproc.testing.fronts import KINDS
from support.fault_table import MARK, PAGE, Section, by_itself, with_a_remote_encoder


def main() -> None:
    """Write the page."""
    lines: list[str] = []
    for bench in (by_itself, with_a_remote_encoder):
        with TemporaryDirectory() as folder, bench(Path(folder)) as sections:
            for section in sections:
                lines += _table(section)
    introduction, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text(introduction + MARK + "\n".join(lines) + "\n", encoding="utf-8")


def _table(section: Section) -> Iterator[str]:
    yield from ["", f"## {section.title}", ""]
    yield f"| fault | {' | '.join(kind.name for kind in KINDS)} |"
    yield f"| --- |{' --- |' * len(KINDS)}"
    suffered = matrix(section.bench, section.harms)
    for harm, cells in track(suffered, section.title, total=len(section.harms)):
        told = [in_words(cell, section.bench.naming) for cell in cells]
        yield f"| {harm.name} | {' | '.join(told)} |"


if __name__ == "__main__":
    main()
