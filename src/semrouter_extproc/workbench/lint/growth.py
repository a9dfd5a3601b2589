"""Whether more examples would help: two points of the learning curve."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from semrouter_extproc.workbench.lint.findings import Finding, Kind, Severity
from semrouter_extproc.workbench.lint.judged import Judged

_WORTHWHILE: Final = 0.01
_NAMED: Final = 3


def growth(judged: Judged, at_half: float) -> Iterator[Finding]:
    """Say what doubling the rows brought; `at_half` is the accuracy learned from half of them."""
    gain = judged.accuracy - at_half
    if gain >= _WORTHWHILE:
        weakest = _weakest(judged)
        yield Finding(
            kind=Kind.GROWTH,
            severity=Severity.ADVICE,
            advice=f"Half of the examples give {at_half:.1%}, all give {judged.accuracy:.1%}: more "
            f"would help, first for {', '.join(map(repr, weakest))}, where most go wrong.",
            score=round(gain, 4),
            categories=weakest,
        )


def _weakest(judged: Judged) -> tuple[str, ...]:
    wrong = judged.probabilities.argmax(axis=1) != judged.truth
    shares = np.bincount(judged.truth, wrong) / np.bincount(judged.truth)
    return tuple(judged.labels[at] for at in np.argsort(-shares, kind="stable")[:_NAMED])
