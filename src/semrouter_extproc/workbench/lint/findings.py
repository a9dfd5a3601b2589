"""What lint says about examples, and in which order."""

from collections.abc import Iterable
from enum import Enum
from typing import Final

import msgspec

from semrouter_extproc.workbench.examples import Example

_EXCERPT: Final = 80


class Severity(Enum):
    """How much a finding matters; the most severe first."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


class Kind(Enum):
    """What a finding is about; of one severity, the most useful first."""

    CONTRADICTION = "contradiction"
    TOO_FEW = "too few examples"
    NAMES_ALIKE = "names alike"
    NEAR_CONTRADICTION = "near-contradiction"
    MISLABELLED = "likely mislabelled"
    OVERLAP = "overlapping categories"
    GROWTH = "more examples"
    IMBALANCE = "imbalance"
    REPEATED_ID = "repeated id"
    REPEATED_TEXT = "repeated text"
    NEAR_DUPLICATES = "near-duplicates"
    CUT = "longer than the encoder reads"
    SHORT = "very short"


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """An example that a finding is about. `excerpt` is its text, shortened, where wanted."""

    id: str
    category: str
    excerpt: str = ""


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing to look at, and what to do about it.

    `score` orders findings of one kind, the highest first: for a row that is likely
    mislabelled 0 to 1, for overlapping categories the share of their rows that land in the
    other, else how many rows it is about. `suggestion` is the category to consider.
    """

    kind: Kind
    severity: Severity
    advice: str
    score: float
    categories: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    suggestion: str = ""


_SEVERITIES: Final = {severity: at for at, severity in enumerate(Severity)}
_KINDS: Final = {kind: at for at, kind in enumerate(Kind)}


def row_of(example: Example) -> Row:
    """Return the row of an example, with an excerpt of its text on one line."""
    words = " ".join(example.text.split())
    return Row(
        example.id,
        example.category,
        words if len(words) <= _EXCERPT else f"{words[: _EXCERPT - 1]}…",
    )


def without_excerpts(finding: Finding) -> Finding:
    """Return `finding` with nothing of any prompt."""
    bare = tuple(Row(row.id, row.category) for row in finding.rows)
    return msgspec.structs.replace(finding, rows=bare)


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by severity, kind and score; the rest of the order is that of ids."""
    return tuple(sorted(findings, key=_rank))


def _rank(finding: Finding) -> tuple[int, int, float, tuple[str, ...], tuple[str, ...]]:
    ids = tuple(row.id for row in finding.rows)
    severity, kind = _SEVERITIES[finding.severity], _KINDS[finding.kind]
    return severity, kind, -finding.score, ids, finding.categories
