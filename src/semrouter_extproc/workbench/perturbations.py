"""Disturbed prompts: the same question with words around it, typos, or in other letters.

What a prompt is about survives every one of them, so a router that changes its mind has read
the wrapping. What is put around a prompt comes from two pools that share no three words in a
row: fitting may learn from `TAUGHT`, judging uses `JUDGED`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeAlias

import numpy as np

from semrouter_extproc.workbench.wrappings import (
    JUDGED_PREFIXES,
    JUDGED_SUFFIXES,
    TAUGHT_PREFIXES,
    TAUGHT_SUFFIXES,
)

Change: TypeAlias = Callable[[str, np.random.Generator], str]

FEW_TYPOS: Final = 0.02
MANY_TYPOS: Final = 0.10

_GAPS: Final = (" ", "\n", "\n\n")

# Code comes first, so that what it holds is no word; nor is what has digits or signs inside.
_LETTER: Final = r"[^\W\d_]"
_QUOTES: Final = r"\"'\u2018\u2019\u201c\u201d"
_CODE_OR_WORD: Final = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`"
    rf"|(?<!\S)[(\[{_QUOTES}]*"
    rf"(?P<word>{_LETTER}{{3,}}(?:['\u2019-]{_LETTER}+)*)"
    rf"[)\]{_QUOTES}.,;:!?]*(?!\S)",
    re.DOTALL,
)
_CAMEL_CASE: Final = re.compile(r"[a-z][A-Z]")
_WORD_OF_ANY_KIND: Final = re.compile(r"\S+")

_KEYBOARD: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


@dataclass(frozen=True, slots=True)
class Perturbation:
    """A way to disturb a prompt. `apply` draws every choice from the generator it is given."""

    name: str
    apply: Change

    def disturb(self, text: str, *, seed: int = 0) -> str:
        """Return `text` disturbed: always in the same way, whatever was disturbed before it."""
        # A lone surrogate is legal in a prompt, but not in UTF-8.
        source = f"{seed}\n{self.name}\n{text}".encode("utf-8", "replace")
        digest = sha256(source).digest()
        return self.apply(text, np.random.default_rng(int.from_bytes(digest, "big")))


def prefixed(pool: Sequence[str]) -> Change:
    """Return what puts a phrase of `pool` before a prompt."""
    return lambda text, rng: _one_of(pool, rng) + _one_of(_GAPS, rng) + text


def suffixed(pool: Sequence[str]) -> Change:
    """Return what puts a phrase of `pool` after a prompt."""
    return lambda text, rng: text + _one_of(_GAPS, rng) + _one_of(pool, rng)


def misspelt(share: float) -> Change:
    """Return what makes a typo in a `share` of a prompt's words.

    The share holds over many prompts, however short they are: of 2 %, most prompts of ten words
    get none.
    """

    def apply(text: str, rng: np.random.Generator) -> str:
        words = _words(text)
        wanted = share * len(_WORD_OF_ANY_KIND.findall(text))
        count = min(int(wanted + rng.random()), len(words))
        chosen = sorted(rng.choice(len(words), count, replace=False)) if count else []
        # From the end, as a typo moves what comes after it.
        for start, end in (words[index] for index in reversed(chosen)):
            text = text[:start] + _mistyped(text[start:end], rng) + text[end:]
        return text

    return apply


def recased(text: str, rng: np.random.Generator) -> str:
    """Return `text` in lower case, upper case, title case, or with its first letter the other way.

    Of these one that changes the text, where any does.
    """
    others = (text.lower(), text.upper(), _title(text), text[:1].swapcase() + text[1:])
    return _one_of([other for other in others if other != text] or [text], rng)


def _one_of(pool: Sequence[str], rng: np.random.Generator) -> str:
    return pool[int(rng.integers(len(pool)))]


def _words(text: str) -> list[tuple[int, int]]:
    """Return where words of three letters or more begin and end; numbers and code are none."""
    found = (match.span("word") for match in _CODE_OR_WORD.finditer(text) if match["word"])
    return [(start, end) for start, end in found if not _CAMEL_CASE.search(text[start:end])]


def _title(text: str) -> str:
    return _WORD_OF_ANY_KIND.sub(lambda word: word[0][:1].upper() + word[0][1:], text)


def _mistyped(word: str, rng: np.random.Generator) -> str:
    slip = _SLIPS[int(rng.integers(len(_SLIPS)))]
    at = int(rng.integers(len(word) - 1))
    changed = slip(word, at, rng)
    return _doubled(word, at, rng) if changed == word else changed


def _swapped(word: str, at: int, _: np.random.Generator) -> str:
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _dropped(word: str, at: int, _: np.random.Generator) -> str:
    return word[:at] + word[at + 1 :]


def _doubled(word: str, at: int, _: np.random.Generator) -> str:
    return word[: at + 1] + word[at:]


def _beside(word: str, at: int, rng: np.random.Generator) -> str:
    letter = word[at]
    if not (near := _NEIGHBOURS.get(letter.lower())):
        return word
    hit = _one_of(near, rng)
    return word[:at] + (hit.upper() if letter.isupper() else hit) + word[at + 1 :]


_SLIPS: Final = (_swapped, _dropped, _doubled, _beside)

_NEIGHBOURS: Final = {
    letter: row[max(at - 1, 0) : at] + row[at + 1 : at + 2]
    for row in _KEYBOARD
    for at, letter in enumerate(row)
}


def _perturbations(prefixes: Sequence[str], suffixes: Sequence[str]) -> tuple[Perturbation, ...]:
    return (
        Perturbation("prefix", prefixed(prefixes)),
        Perturbation("suffix", suffixed(suffixes)),
        Perturbation("typos 2 %", misspelt(FEW_TYPOS)),
        Perturbation("typos 10 %", misspelt(MANY_TYPOS)),
        Perturbation("casing", recased),
    )


TAUGHT: Final = _perturbations(TAUGHT_PREFIXES, TAUGHT_SUFFIXES)
"""What fitting may learn from."""

JUDGED: Final = _perturbations(JUDGED_PREFIXES, JUDGED_SUFFIXES)
"""What robustness is judged on. Nothing may be fitted to, or chosen by, these."""
