"""All findings about examples, from what has been worked out about them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import msgspec
import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.workbench.examples import Example
from semrouter_extproc.workbench.lint.categories import imbalance, names_alike, too_few
from semrouter_extproc.workbench.lint.duplicates import near_duplicates
from semrouter_extproc.workbench.lint.findings import (
    Finding,
    Kind,
    Severity,
    ordered,
    without_excerpts,
)
from semrouter_extproc.workbench.lint.growth import growth
from semrouter_extproc.workbench.lint.judged import Judged
from semrouter_extproc.workbench.lint.mislabelled import mislabelled
from semrouter_extproc.workbench.lint.overlap import overlaps
from semrouter_extproc.workbench.lint.texts import repeated_ids, same_text, short, too_long

_OTHERWISE_NAMED = (Kind.CONTRADICTION, Kind.NEAR_CONTRADICTION)


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Examples, their unit `vectors` `[N, D]`, and whether the encoder `cut` each, `[N]`.

    `judged` are those that could be cross-validated, None where they are of fewer than two
    categories; `at_half` is their accuracy when learned from half of them, where that was tried.
    """

    examples: Sequence[Example]
    vectors: NDArray[np.float32]
    cut: NDArray[np.bool_]
    judged: Judged | None = None
    at_half: float | None = None


class Lint(msgspec.Struct, frozen=True):
    """What lint found, the most useful first. `accuracy` is cross-validated."""

    rows: int
    categories: int
    accuracy: float | None
    findings: tuple[Finding, ...]

    @property
    def passes(self) -> bool:
        """Whether there is nothing but advice."""
        return all(finding.severity is Severity.ADVICE for finding in self.findings)


def lint(material: Material, *, show_text: bool = False) -> Lint:
    """Return every finding; nothing of a prompt is in them unless `show_text`."""
    findings = ordered(chain(_plain_to_see(material), _learned(material)))
    if not show_text:
        findings = tuple(map(without_excerpts, findings))
    return Lint(
        rows=len(material.examples),
        categories=len({example.category for example in material.examples}),
        accuracy=round(material.judged.accuracy, 4) if material.judged else None,
        findings=findings,
    )


def _plain_to_see(material: Material) -> Iterator[Finding]:
    examples = material.examples
    yield from too_few(examples)
    yield from names_alike(examples)
    yield from imbalance(examples)
    yield from repeated_ids(examples)
    yield from short(examples)
    yield from too_long(examples, material.cut)


def _learned(material: Material) -> Iterator[Finding]:
    repeated = [
        *same_text(material.examples),
        *near_duplicates(material.examples, material.vectors),
    ]
    yield from repeated
    if material.judged is None:
        return
    named = {row.id for found in repeated if found.kind in _OTHERWISE_NAMED for row in found.rows}
    for finding in mislabelled(material.judged):
        # One look at a row is enough.
        if finding.rows[0].id not in named:
            yield finding
    yield from overlaps(material.judged)
    if material.at_half is not None:
        yield from growth(material.judged, material.at_half)
