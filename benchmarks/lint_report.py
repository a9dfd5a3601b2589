"""The figures of `lint.py`, and how they are shown."""

from dataclasses import dataclass
from typing import Final

COLUMNS: Final = (
    *("examples", "wrong labels", "rows", "accuracy"),
    *("listed", "precision", "recall"),
    *("warned", "precision", "recall", "right suggestion"),
    "average precision",
)


@dataclass(frozen=True, slots=True)
class Found:
    """What lint says about one set of labels.

    `wrong` labels were made so. Of the rows `listed` as likely mislabelled, some are `warned`
    of; `right_suggestions` counts those of `warned_wrong` that name the category from before.
    """

    name: str
    noise: str
    rows: int
    accuracy: float
    wrong: int
    listed: int
    listed_wrong: int
    warned: int
    warned_wrong: int
    right_suggestions: int
    average_precision: float


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure."""

    share: float
    seed: int
    encoder: str
    rows: tuple[Found, ...]
    machine: str


def markdown(results: Results) -> str:
    """Return the figures as a table, with what they mean."""
    setup = (
        f"{results.share:.0%} of the labels are made wrong: by *any other* category, or by *the "
        "closest*, the likelier slip of a person. `lint` lists the rows that it doubts, and warns "
        "of those where the model that had not seen them and their neighbours agree. Labels that "
        "were wrong in the data itself count as false alarms, so precision is a lower bound: the "
        "rows without noise show how many lint finds there."
    )
    return "\n".join(
        [
            "# Wrong labels that lint finds",
            "",
            setup,
            "",
            f"| {' | '.join(COLUMNS)} |",
            "| --- | --- |" + " ---: |" * (len(COLUMNS) - 2),
            *map(line, results.rows),
            "",
            f"Encoder {results.encoder}. Measured on {results.machine}.",
            "",
        ]
    )


def line(row: Found) -> str:
    """Return a line of the table."""
    counts = f"{row.rows:,} | {row.accuracy:.1%} | {row.listed:,}"
    if not row.wrong:
        cells = ["-", "-", f"{row.warned:,}", "-", "-", "-", "-"]
    else:
        cells = [
            _share(row.listed_wrong, row.listed),
            _share(row.listed_wrong, row.wrong),
            f"{row.warned:,}",
            _share(row.warned_wrong, row.warned),
            _share(row.warned_wrong, row.wrong),
            _share(row.right_suggestions, row.warned_wrong),
            f"{row.average_precision:.2f}",
        ]
    return f"| {row.name} | {row.noise} | {counts} | {' | '.join(cells)} |"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"
