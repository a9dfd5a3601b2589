"""Findings about texts alone: the same one twice, too short, too long."""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.workbench.examples import Example
from semrouter_extproc.workbench.lint.findings import Finding, Kind, Severity, row_of

_FEWEST_LETTERS: Final = 2


def repeated_ids(examples: Sequence[Example]) -> Iterator[Finding]:
    """Find ids that several rows share: what is held out goes by the id."""
    for name, rows in _grouped(examples, lambda example: example.id).items():
        if len(rows) > 1:
            yield Finding(
                kind=Kind.REPEATED_ID,
                severity=Severity.WARNING,
                advice=f"{len(rows)} examples have the id {name!r}: give each its own, as what "
                "is held out and what was fitted on are told apart by ids.",
                score=len(rows),
                rows=tuple(map(row_of, rows)),
            )


def same_text(examples: Sequence[Example]) -> Iterator[Finding]:
    """Find texts that occur more than once, whatever their case, spaces and punctuation."""
    for rows in _grouped(examples, lambda example: normalised(example.text)).values():
        if len(rows) > 1:
            yield _repeated(rows)


def short(examples: Sequence[Example]) -> Iterator[Finding]:
    """Find texts with next to nothing to go by."""
    rows = [row for row in examples if sum(map(str.isalnum, row.text)) < _FEWEST_LETTERS]
    advice = (
        "have no more than a letter or a digit and say nothing about their category: write them "
        "out or remove them."
    )
    yield from _of_some_length(Kind.SHORT, rows, advice)


def too_long(examples: Sequence[Example], cut: NDArray[np.bool_]) -> Iterator[Finding]:
    """Report the texts that an encoder cuts; `cut` is `[N]`, see `cut_by`."""
    rows = list(compress(examples, cut))
    advice = (
        "are longer than the encoder's window and learned from their beginning only: see that it "
        "says what they are about."
    )
    yield from _of_some_length(Kind.CUT, rows, advice)


def cut_by(encoder: AnyEncoder, texts: Sequence[str]) -> NDArray[np.bool_]:
    """Return which texts fill the encoder's window, `[N]`: what exceeds it is not read."""
    lengths = np.array([len(tokens) for tokens in encoder.tokenize(texts)])
    longest = int(lengths.argmax())
    # The window is the encoder's own affair; a text that grows no longer has reached it.
    (doubled,) = encoder.tokenize([f"{texts[longest]} {texts[longest]}"])
    full: NDArray[np.bool_] = lengths == (
        lengths[longest] if len(doubled) == lengths[longest] else 0
    )
    return full


def normalised(text: str) -> str:
    """Return the letters, digits and signs of a text that tell it from others."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.split()).rstrip(".,;:!? ") or folded


def _of_some_length(kind: Kind, rows: Sequence[Example], advice: str) -> Iterator[Finding]:
    if rows:
        yield Finding(
            kind=kind,
            severity=Severity.ADVICE,
            advice=f"{len(rows)} texts {advice}",
            score=len(rows),
            categories=tuple(sorted({row.category for row in rows})),
            rows=tuple(map(row_of, rows)),
        )


def _repeated(rows: Sequence[Example]) -> Finding:
    categories = tuple(sorted({row.category for row in rows}))
    contradictory = len(categories) > 1
    advice = (
        f"The same text stands under {_listed(categories)}: keep it under one, or leave it out "
        "where the text alone does not tell which."
        if contradictory
        else f"The same text stands {len(rows)} times under {categories[0]!r}: keep one, or "
        "what is held out is judged on what was learned."
    )
    return Finding(
        kind=Kind.CONTRADICTION if contradictory else Kind.REPEATED_TEXT,
        severity=Severity.ERROR if contradictory else Severity.ADVICE,
        advice=advice,
        score=len(rows),
        categories=categories,
        rows=tuple(map(row_of, rows)),
    )


def _listed(names: Sequence[str]) -> str:
    *others, last = map(repr, names)
    return f"{', '.join(others)} and {last}"


def _grouped(
    examples: Sequence[Example], key: Callable[[Example], str]
) -> dict[str, list[Example]]:
    groups: defaultdict[str, list[Example]] = defaultdict(list)
    for example in examples:
        groups[key(example)].append(example)
    return groups
