"""Findings about categories, from their names and their sizes."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from semrouter_extproc.workbench.examples import Example
from semrouter_extproc.workbench.folds import FOLDS
from semrouter_extproc.workbench.lint.findings import Finding, Kind, Severity

ENOUGH: Final = 10
"""Rows with which a category is learned well enough to be judged."""

_LARGEST_TO_SMALL: Final = 10


def too_few(examples: Sequence[Example]) -> Iterator[Finding]:
    """Find categories that cannot be fitted, or hardly."""
    for name, count in Counter(example.category for example in examples).items():
        if count >= ENOUGH:
            continue
        refused = count < FOLDS
        why = f"fit needs {FOLDS}" if refused else "one odd example weighs too much"
        yield Finding(
            kind=Kind.TOO_FEW,
            severity=Severity.ERROR if refused else Severity.WARNING,
            advice=f"{name!r} has {_counted(count)} and {why}: bring it to {ENOUGH} or more, or "
            "merge it into another category.",
            score=ENOUGH - count,
            categories=(name,),
        )


def names_alike(examples: Sequence[Example]) -> Iterator[Finding]:
    """Find categories whose names differ only in case, spaces, hyphens or underscores."""
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        spellings[_plain(example.category)][example.category] += 1
    for counts in spellings.values():
        if len(counts) > 1:
            usual = min(counts, key=lambda name: (-counts[name], name))
            others = ", ".join(repr(name) for name in sorted(counts) if name != usual)
            yield Finding(
                kind=Kind.NAMES_ALIKE,
                severity=Severity.WARNING,
                advice=f"Rename {others} to {usual!r}, unless they are meant to be different.",
                score=counts.total(),
                categories=tuple(sorted(counts)),
                suggestion=usual,
            )


def imbalance(examples: Sequence[Example]) -> Iterator[Finding]:
    """Find the categories that have less than a tenth of the rows of the largest."""
    counts = Counter(example.category for example in examples)
    largest = max(counts, key=lambda name: (counts[name], name))
    small = [name for name, n in counts.items() if n * _LARGEST_TO_SMALL < counts[largest]]
    if small:
        small.sort(key=lambda name: (counts[name], name))
        yield Finding(
            kind=Kind.IMBALANCE,
            severity=Severity.ADVICE,
            advice=f"{len(small)} of the categories have less than a tenth of the "
            f"{counts[largest]:,} examples of {largest!r}, and doubtful prompts go to the "
            "large one: add to the small ones first, or thin out the large one.",
            score=len(small),
            categories=tuple(small),
        )


def _plain(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum()) or name


def _counted(count: int) -> str:
    return "1 example" if count == 1 else f"{count} examples"
