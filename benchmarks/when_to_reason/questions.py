"""MMLU-Pro's questions: which are asked, in which order, and in which words."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import chain, zip_longest
from pathlib import Path
from string import ascii_uppercase
from typing import Annotated, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.evaluation.leakage import seen_before
from semrouter_extproc.workbench.files import read_content, shortened
from semrouter_extproc.workbench.fit import is_held_out

IN_FOLDER: Final = "examples/mmlu_pro.jsonl.gz"

PROMPT: Final = """\
{question}

{options}

Exactly one of these options is right. Close with a line of the form "Answer: X", where X is the \
letter of that option."""


class Question(msgspec.Struct, frozen=True):
    """A row of the data. `answer` is the right letter, None where the data does not know it."""

    id: str
    text: str
    category: str
    options: Annotated[tuple[str, ...], msgspec.Meta(min_length=2, max_length=len(ascii_uppercase))]
    answer: str | None = None
    answer_index: int | None = None

    def __post_init__(self) -> None:
        known = (self.answer, None if self.answer_index is None else self._indexed)
        if any(letter is not None and letter not in self.letters for letter in known):
            raise ValueError(f"the answer is none of the {len(self.options)} options")

    @property
    def letters(self) -> tuple[str, ...]:
        """What the options are called."""
        return tuple(ascii_uppercase[: len(self.options)])

    @property
    def right(self) -> str | None:
        """The letter of the right option, None where it is not known."""
        return self._indexed if self.answer is None else self.answer

    @property
    def prompt(self) -> str:
        """What the model is asked."""
        options = "\n".join(map("{}. {}".format, self.letters, self.options))
        return PROMPT.format(question=self.text, options=options)

    @property
    def _indexed(self) -> str | None:
        at = self.answer_index
        if at is None:
            return None
        return ascii_uppercase[at] if 0 <= at < len(self.options) else "none"


def rows_in(data: Path) -> Path:
    """Return the file of questions in the folder of labelled data, or `data` if it is a file."""
    return data / IN_FOLDER if data.is_dir() else data


def read_questions(path: Path) -> list[Question]:
    """Read every row of a file, plain or gzipped.

    A row is `{"id", "text", "category", "options": [...]}` and perhaps `"answer": LETTER` or
    `"answer_index"`, from 0. Raises ConfigError that names each bad row as `file:line`.
    """
    faults: list[str] = []
    content = read_content(path, faults)
    questions = list(_rows(path, content.raw if content else b"", faults))
    if faults:
        raise ConfigError("questions", shortened(faults))
    return questions


def _rows(path: Path, content: bytes, faults: list[str]) -> Iterator[Question]:
    # Questions hold U+2028 and the like, at which str.splitlines would break a row in two.
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            yield msgspec.json.decode(line, type=Question)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            faults.append(f"{path}:{number}: {error}")


def not_learned_from(questions: Sequence[Question], seen: NDArray[np.uint64]) -> list[Question]:
    """Return the held-out questions whose text is not among those that were `seen` in the fit.

    Raises ConfigError where there is none.
    """
    known = seen_before(seen, [question.text for question in questions])
    fresh = [
        question
        for question, is_known in zip(questions, known.tolist(), strict=True)
        if is_held_out(question.id) and not is_known
    ]
    if not fresh:
        raise ConfigError(
            "questions",
            [f"none of {len(questions):,} is held out and new to the centroids in use"],
        )
    return fresh


def in_turn(questions: Iterable[Question]) -> list[Question]:
    """Order questions so that the first ones are of every category alike, at random within it.

    The order is always the same, so more questions only add to fewer.
    """
    members = defaultdict(list)
    for question in sorted(questions, key=lambda each: sha256(each.id.encode()).digest()):
        members[question.category].append(question)
    rounds = zip_longest(*(members[category] for category in sorted(members)))
    return [question for question in chain.from_iterable(rounds) if question is not None]
