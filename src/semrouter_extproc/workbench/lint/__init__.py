"""What is wrong with examples, or could be better, and what to do about it."""

from semrouter_extproc.workbench.lint.findings import Finding, Kind, Row, Severity
from semrouter_extproc.workbench.lint.judged import Judged
from semrouter_extproc.workbench.lint.report import Lint, Material, lint

__all__ = [
    "Finding",
    "Judged",
    "Kind",
    "Lint",
    "Material",
    "Row",
    "Severity",
    "lint",
]
