"""The figures of `prompts.py`, and how they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured.

    `questions` per category are put into documents and `plain` ones are read by themselves.
    """

    questions: int
    plain: int
    conversations: int


@dataclass(frozen=True, slots=True)
class LongRow:
    """How one way to cut long prompts did. All but `encodes` are shares, of on or off right.

    `encodes` is how many texts the encoder gets for one prompt; `right` is by filler and
    place; `at_ends` leaves out the questions in the middle.
    """

    method: str
    encodes: float
    right: dict[str, float]
    at_ends: float
    at_ends_category: float
    plain: float
    plain_category: float


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """How one way to read conversations did: shares of turns with on or off right.

    `flaps` is the share of neighbouring turns on one subject with different decisions.
    """

    method: str
    right: float
    follow_ups: float
    questions: float
    switches: float
    short_switches: float
    flaps: float
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class ChatRow:
    """How real second turns did: `kept` the first one's decision, and right where that is plain."""

    method: str
    chats: int
    kept: float
    plain_cases: int
    first_right: float
    second_right: float


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure."""

    data_sha256: str
    encoder: str
    learned_from: int
    max_chars: int
    enough_chars: int
    sizes: tuple[Sizes, Sizes]
    choice_long: tuple[LongRow, ...]
    choice_conversations: tuple[ConversationRow, ...]
    final_long: tuple[LongRow, ...]
    final_long_shipped: tuple[LongRow, ...]
    final_conversations: tuple[ConversationRow, ...]
    chat: tuple[ChatRow, ...]
    machine: str
    minutes: float


def markdown(results: Results) -> str:
    """Return the figures as tables, and what follows from them."""
    choice, final = results.sizes
    sections = [
        "# Reading long prompts and conversations",
        _SETUP.format(results=results),
        _CHOSEN.format(results=results),
        "## Long prompts, held-out",
        _LONG,
        _documents(final.questions),
        long_table(results.final_long),
        "The same with the shipped centroids, which have been fitted to these questions too:",
        long_table(results.final_long_shipped),
        "## Long prompts, choosing",
        _documents(choice.questions),
        long_table(results.choice_long),
        "## Conversations, held-out",
        _CONVERSATIONS,
        f"{final.conversations} conversations:",
        conversation_table(results.final_conversations),
        "## Conversations, choosing",
        f"{choice.conversations} conversations:",
        conversation_table(results.choice_conversations),
        "## Real second turns",
        _CHATS,
        chat_table(results.chat),
        "## What was chosen, and why",
        _WHY,
        "## Again",
        _AGAIN.format(results=results),
    ]
    return "\n\n".join(sections) + "\n"


_SETUP = (
    "Decisions of the default policy about MMLU-Pro questions. Encoder `{results.encoder}`. "
    "Centroids were learned from {results.learned_from:,} questions that nothing here is judged "
    "on. How to read was chosen on other questions that are not held out; the tables named "
    "held-out were made once, after that."
)
_CHOSEN = (
    "Chosen: at most {results.max_chars} characters, half from the head and half from the tail; "
    "a last turn shorter than {results.enough_chars} characters is filled up to there with "
    "earlier turns, newest first, and stands first itself."
)
_AGAIN = (
    "`python benchmarks/prompts.py DATA`, {results.minutes:.0f} minutes on the clock, one thread "
    "on {results.machine}."
)
_LONG = (
    "A question stands at the end, at the start or in the middle of 1,000, 4,000 and 16,000 "
    "characters of other text. Neutral filler is made-up small talk. Hostile filler is made of "
    "questions about which the policy decides the other way, so that for a reader of the whole "
    "text the wrong answer is the right one. Plain: questions by themselves, which a short "
    "text cuts as well. Encodes: texts for the encoder per prompt."
)
_CONVERSATIONS = (
    "Two questions on one subject and then two on another, about which the policy decides the "
    "other way; one to three follow-ups out of forty after each question. A turn is right when "
    "its decision is that of its subject. Switches: the first question on the new subject, at "
    "once. Flaps: neighbouring turns on one subject with different decisions."
)
_CHATS = (
    "MT-bench's conversations of two turns. Kept: the second turn is decided as the first. "
    "Right: the decision is on for math, coding and stem, off for writing, roleplay and "
    "humanities."
)
_WHY = """- Head and tail, in one encode: it finds a question at either end, where the head alone \
loses every question behind a pasted text. Half and half, because nothing in a body says at \
which end the question stands: another share wins at one end what it loses at the other.
- 500 characters: the less filler there is around the question, the better, and questions by \
themselves lose nothing on or off and less than a point of category. 300 and 400 did as well \
here; 500 leaves longer prompts more of themselves. Past 1,000 characters the encoder's window \
(256 word pieces, medians of 3.3 to 4.8 characters each in these categories) drops the tail \
without a word: head and tail of 8,000 is the head.
- The tail before the head is not better, and neither are pooled windows: they cost two to four \
encodes and give the filler more votes.
- A last turn is filled up to 175 characters: between 150 and 200 follow-ups, switches and flaps \
trade evenly. A fixed amount of earlier text for short turns flaps twice as often and follows no \
more switches; with the last turn last, as in the conversation, fewer switches are followed.
- Not better than before: a question in the middle of long text is not read at all, and between \
two pieces of text on another subject it is still outvoted three times out of four. A short \
question on a new subject is followed at once less often than when nothing is inherited: that is \
the price of follow-ups. For comparison, always off is right in 57.1% of the documents.
- What to make of small differences: the cells for one place have 28 questions in choosing and 56 \
held out, since the ends of a document hardly depend on its length, so some ten points are noise."""


def _documents(questions: int) -> str:
    return f"{questions} questions of each of 14 categories, {questions * 14 * 18:,} documents:"


def long_table(rows: Sequence[LongRow]) -> str:
    """Return a table of ways to cut."""
    places = list(rows[0].right)
    head = ["method", "encodes", *places, "ends", "category", "plain", "plain category"]
    cells = [
        [
            row.method,
            f"{row.encodes:g}",
            *(percent(row.right[place]) for place in places),
            *map(percent, (row.at_ends, row.at_ends_category, row.plain, row.plain_category)),
        ]
        for row in rows
    ]
    return table(head, cells)


def conversation_table(rows: Sequence[ConversationRow]) -> str:
    """Return a table of ways to read."""
    counts = rows[0].counts
    head = [
        *("method", "all turns", "follow-ups", "other questions"),
        *(f"switches ({counts['switches']})", f"short ones ({counts['short']})", "flaps"),
    ]
    cells = [
        [
            row.method,
            *map(percent, (row.right, row.follow_ups, row.questions, row.switches)),
            *map(percent, (row.short_switches, row.flaps)),
        ]
        for row in rows
    ]
    return table(head, cells)


def chat_table(rows: Sequence[ChatRow]) -> str:
    """Return a table of ways to read."""
    count, plain = rows[0].chats, rows[0].plain_cases
    head = ["method", f"kept ({count})", f"first turn right ({plain})", "second turn right"]
    cells = [
        [row.method, *map(percent, (row.kept, row.first_right, row.second_right))] for row in rows
    ]
    return table(head, cells)


def table(head: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(share: float) -> str:
    """Return a share as it is shown."""
    return f"{share:.1%}"
