"""What `prompts.py` measures on: questions inside long documents, and conversations."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from semrouter_extproc.core.policy import PAPER_POLICY
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.workbench.examples import Example

LENGTHS: Final = (1_000, 4_000, 16_000)
PLACES: Final = ("end", "start", "middle")

_WHO: Final = (
    *("Marta", "The caretaker", "My neighbour", "The choir", "Our team", "The new tenant"),
    *("Jonas", "A cousin of mine", "The café owner", "The visitor from upstairs"),
)
_DID: Final = (
    *("moved the meeting to Thursday", "painted the fence in two afternoons"),
    *("forgot the keys", "brought a cake for everybody", "asked for a quieter room"),
    *("wrote a long letter about the summer", "found the old photographs"),
    *("took the early train home", "waited for a while", "put the chairs back in their rows"),
)
_WHERE: Final = (
    *("near the harbour", "in the small garden", "on the second floor", "behind the library"),
    *("at the market", "by the open window", "along the river path", "in the front room"),
)
_AND: Final = (
    *("The weather stayed mild all day.", "Nobody minded the delay."),
    *("There was coffee afterwards.", "It will be discussed again next month."),
    *("Please tell the others about it.", "The list hangs beside the door."),
    *("Most of us went home early.", "It was a pleasant evening on the whole."),
)

FOLLOW_UPS: Final = (
    *("Why?", "Continue.", "Go on", "Yes", "Are you sure?", "And in French?", "Shorter, please."),
    *("Explain step 2.", "I don't get it.", "Can you prove that?", "Give me an example."),
    *("no, the first one", "Who found that out?", "Is that always true?", "Compare both."),
    *("Does the order matter?", "What if it were twice as large?", "And the other way round?"),
    *("ok thanks, and the second part?", "Where does that come from?", "Tell me more about it."),
    *("Could you explain that to a child of ten?", "Please write it as a list."),
    *("How would you check that?", "that's not what I asked", "What did you assume there?"),
    *("Summarise your answer in one sentence.", "What are the exceptions to this?"),
    "Which of the options did you rule out first, and for what reason?",
    "Can you say the same thing with fewer technical words, please?",
    "hm, I got a different answer, can you look again?",
    *("Translate your answer into German.", "Please format that as a table."),
    "What is the most common mistake people make here?",
    "Could you go through the last part more slowly? I lost you after the second sentence.",
    "What would change if that condition did not hold?",
    "Do it again but with more detail, I want to understand every single step of your reasoning.",
    *("So what is the final answer?", "What should I read to learn more about this?"),
    "One more like this, please.",
)


@dataclass(frozen=True, slots=True)
class Document:
    """A question inside text that has nothing to do with it."""

    question: Example
    filler: str
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in a conversation: the user's turns so far, and what they are about.

    `kind` is first, switch (the first question on a new subject), same (one more on the
    subject) or follow-up. `conversation` counts conversations.
    """

    conversation: int
    turns: tuple[str, ...]
    category: str
    kind: str


def digit(name: str) -> int:
    """Return the digit by which rows are divided; 3 and 4 are held out."""
    return int(sha256(name.encode()).hexdigest(), 16) % 10


def reasons(category: str) -> bool:
    """Say whether the default policy reasons about `category`."""
    return PAPER_POLICY[category] is Reasoning.ON


def sample(rows: Sequence[Example], per_category: int) -> list[Example]:
    """Return questions, at most so many of each category, always the same."""
    rng = random.Random(0)  # noqa: S311 - repeatable, not secret
    groups = by_category(rows)
    return [
        row
        for name in sorted(groups)
        for row in rng.sample(groups[name], min(per_category, len(groups[name])))
    ]


def by_category(rows: Sequence[Example]) -> dict[str, list[Example]]:
    """Return the rows of each category."""
    groups: dict[str, list[Example]] = {}
    for row in rows:
        groups.setdefault(row.category, []).append(row)
    return groups


def documents(questions: Sequence[Example], others: Sequence[Example]) -> Iterator[Document]:
    """Yield every question in every place of every filler of every length."""
    for question in questions:
        against = [row for row in others if reasons(row.category) != reasons(question.category)]
        fillers: dict[str, Callable[[random.Random], str]] = {
            "neutral": _sentence,
            "hostile": lambda rng, against=against: f"{rng.choice(against).text}\n",  # type: ignore[misc]
        }
        for filler, piece in fillers.items():
            before = _filled(piece, f"{question.id} before")
            after = _filled(piece, f"{question.id} after")
            for length in LENGTHS:
                half = length // 2
                for place in PLACES:
                    text = _placed(question.text, before[:half], after[-half:], place)
                    yield Document(question, filler, place, text)


def _filled(piece: Callable[[random.Random], str], seed: str) -> str:
    rng = random.Random(seed)  # noqa: S311
    text = ""
    while len(text) < max(LENGTHS) // 2:
        text += piece(rng)
    return text


def _sentence(rng: random.Random) -> str:
    return f"{rng.choice(_WHO)} {rng.choice(_DID)} {rng.choice(_WHERE)}. {rng.choice(_AND)} "


def _placed(question: str, before: str, after: str, place: str) -> str:
    if place == "start":
        return f"{question}\n\n{before}{after}"
    if place == "end":
        return f"{before}{after}\n\n{question}"
    return f"{before}\n\n{question}\n\n{after}"


def conversations(rows: Sequence[Example], count: int) -> list[Moment]:
    """Return the moments of conversations that switch, halfway, between reasoning and not."""
    rng = random.Random(0)  # noqa: S311
    groups = by_category(rows)
    return [moment for number in range(count) for moment in _conversation(number, groups, rng)]


def _conversation(
    number: int, groups: dict[str, list[Example]], rng: random.Random
) -> Iterator[Moment]:
    turns: list[str] = []
    names = sorted(groups)
    first = rng.choice(names)
    second = rng.choice([name for name in names if reasons(name) != reasons(first)])
    for category in (first, second):
        kind = "switch" if turns else "first"
        for question in rng.sample(groups[category], 2):
            turns.append(question.text)
            yield Moment(number, tuple(turns), category, kind)
            kind = "same"
            for follow_up in rng.sample(FOLLOW_UPS, rng.choice((1, 2, 3))):
                turns.append(follow_up)
                yield Moment(number, tuple(turns), category, "follow-up")
