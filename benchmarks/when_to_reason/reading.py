"""The letter that an answer settles on, where it says one; nothing is guessed."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

_THOUGHTS_END: Final = re.compile(r"</[\w:]*think(?:ing)?>|\[/THINK\]")
_THOUGHTS_BEGIN: Final = re.compile(r"\s*(?:<[\w:]*think(?:ing)?>|\[THINK\])")
_MARKUP: Final = re.compile(r"[*_`$]+|\\(?:text|textbf|mathrm|mathbf)\b|\\[()\[\]]")


def after_thoughts(content: str, *, apart: bool, thinks: bool, cut: bool) -> str:
    """Return what an answer says once its thoughts are over, "" where they never are.

    `apart` says that the server sent thoughts beside `content`, `thinks` that the model was to
    think, `cut` that the answer ran into its limit. One that thinks, is cut and shows no end of
    its thoughts is taken to be thinking still: letters in there are no answer.
    """
    *thoughts, said = _THOUGHTS_END.split(content)
    if thoughts:
        return said
    lost = _THOUGHTS_BEGIN.match(content) or (thinks and cut and not apart)
    return "" if lost else content


def letter_in(said: str, letters: Sequence[str]) -> str | None:
    """Return the one of `letters` that an answer names as its choice, None for none or several.

    Of several ways to name it the most explicit counts, and of several places the last.
    """
    plain = _MARKUP.sub("", said)
    for pattern in _patterns("".join(letters)):
        if found := pattern.findall(plain):
            return _one(found[-1])
    return _sole_line(plain, letters)


def _one(choice: str) -> str | None:
    """Return the letter of a choice, None for one such as "A and C"."""
    named = set(re.findall(r"\b[A-Z]\b", choice))
    return named.pop() if len(named) == 1 else None


@cache
def _patterns(letters: str) -> Sequence[re.Pattern[str]]:
    """Return how choices are named, the most explicit first; each has one group."""
    # "A" and "I" are words too: "the answer is I think C", "Answer: A good one would be".
    no_word = r"(?!['\u2019]|\s+(?!because\b|since\b|as\b|is\b|and\b|or\b)[a-z])"
    letter = rf"\(?\b(?:[{letters}]\b(?:(?<![AI])|(?=\))|{no_word}))\)?"
    choice = rf"({letter}(?:\s*(?:,|/|&|\band\b|\bor\b)\s*{letter})*)"
    best = r"(?:correct|right|best)"
    answer = rf"\b(?i:answers?|(?:{best}|final)\s+(?:option|choice))"
    verb = (
        r"(?:\s+(?:is|are|would be|must be|should be)(?:\s+(?:therefore|thus|likely|probably))?)?"
    )
    named = r"(?:(?:the\s+)?(?i:option|choice|letter)\s+)?"
    return [
        re.compile(rf"\\boxed\s*\{{+\s*{choice}"),
        re.compile(rf"{answer}{verb}\s*[:=>\-\u2013\u2014]?\s*{named}\{{?{choice}"),
        re.compile(rf"\b(?i:option|choice)\s+{choice}\s+(?:is|seems)\s+(?:the\s+)?{best}\b"),
        re.compile(rf"\b{choice}\s+is\s+(?:the\s+)?{best}\b"),
    ]


def _sole_line(plain: str, letters: Sequence[str]) -> str | None:
    """Return the letter that opens a line, such as "C) Paris", if only one letter does.

    Who repeats the options opens lines with several, and chooses none of them.
    """
    opening = rf"^\W*([{''.join(letters)}])(?:[.):]|\s*$)"
    found = set(re.findall(opening, plain.strip(), re.MULTILINE))
    return found.pop() if len(found) == 1 else None
