"""How `steering.py` tells what it found."""

from collections.abc import Iterator, Sequence

import msgspec

from semrouter_extproc.workbench.scores import wilson


class Share(msgspec.Struct, frozen=True):
    """How many of `count` there are, with Wilson's 95 % interval."""

    share: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, flags: Sequence[bool]) -> "Share":
        """Count what is set."""
        low, high = wilson(sum(flags), len(flags))
        return cls(round(sum(flags) / len(flags), 4), round(low, 4), round(high, 4), len(flags))

    def __str__(self) -> str:
        return f"{self.share:.0%} ({self.low:.0%} to {self.high:.0%})"


Both = tuple[Share, Share]
"""To on, and to off."""


class AttackRow(msgspec.Struct, frozen=True):
    """An attack, and how often it has its way.

    `characters` are what searches added where they found something, at the median.
    """

    name: str
    success: Both
    characters: tuple[int | None, int | None] = (None, None)


class LengthRow(msgspec.Struct, frozen=True):
    """How often so many characters are enough."""

    length: int
    success: Both


class Sides(msgspec.Struct, frozen=True):
    """What was found with one artefact."""

    attacks: tuple[AttackRow, ...]
    lengths: tuple[LengthRow, ...]


class PolicyRow(msgspec.Struct, frozen=True):
    """A page under attack, to on and to off, and what it makes of honest prompts."""

    name: str
    sentence: Both
    search: Both
    hidden: Both
    questions: Share
    chats: Share


class Results(msgspec.Struct, frozen=True):
    """Everything that was measured. `data_sha256` is of the file of questions."""

    data_sha256: str
    encoder: str
    learned_from: int
    shipped: Sides
    stranger: Sides
    pages: tuple[PolicyRow, ...]
    questions: int
    chats: int
    machine: str
    minutes: float


def markdown(results: Results) -> str:
    """Return the tables."""
    parts = [*_head(results), *_attacks(results), *_lengths(results), *_pages(results)]
    again = (
        f"`python benchmarks/steering.py DATA`, {results.minutes:.0f} minutes on the clock, "
        f"{results.machine}.\n"
    )
    return "\n".join([*parts, "\n## Again\n", again])


def _head(results: Results) -> Iterator[str]:
    first = results.shipped.attacks[0]
    yield "# Prompts that steer\n"
    yield (
        "How often a question of MMLU-Pro, worded by an attacker, gets the other decision of the "
        "paper's policy. To on: the question belongs to a category without reasoning, and the "
        "attacker wants reasoning; to off: the reverse. The category that an attack makes believe "
        "takes turns among all of the side that is wanted. Attacked are held-out questions that "
        f"are decided rightly by themselves: {first.success[0].count} to on, "
        f"{first.success[1].count} to off. Encoder `{results.encoder}`, static tier first, as "
        "shipped. In brackets 95 % intervals.\n"
    )
    yield (
        "The shipped centroids were learned from these questions too, and hold on to them. Beside "
        f"them stand centroids that do not know them, learned from {results.learned_from:,} other "
        "questions. No model was asked: whether it still answers a question in look-alike letters, "
        "or one in a block of an agent, is its own affair.\n"
    )


def _attacks(results: Results) -> Iterator[str]:
    rows = list(zip(results.shipped.attacks, results.stranger.attacks, strict=True))
    yield "## Attacks\n"
    yield from _table(
        "attack", [(ours.name, *ours.success, *other.success) for ours, other in rows]
    )
    yield (
        "\nA sentence: one of our own for each category, some 60 characters. Nearest example: the "
        "most like among the other questions, whole. Name: `This is a question about law.`; all: "
        "a list. A few words at a time: up to 20 characters of any category of that side are put "
        "in front; what brings category and confidence nearer stays, or, without the headers, all "
        "of it. Where it was enough, it added so many characters (median):\n"
    )
    searches = [pair for pair in rows if any(pair[0].characters)]
    yield from _table(
        "search", [(ours.name, *ours.characters, *other.characters) for ours, other in searches]
    )
    yield ""


def _lengths(results: Results) -> Iterator[str]:
    yield "## How many characters it takes\n"
    yield "So many characters of sentences of that side, in front of the question.\n"
    rows = zip(results.shipped.lengths, results.stranger.lengths, strict=True)
    yield from _table(
        "characters", [(ours.length, *ours.success, *other.success) for ours, other in rows]
    )
    yield ""


def _table(what: str, rows: Sequence[Sequence[object]]) -> Iterator[str]:
    sides = "to on, shipped | to off, shipped | to on, not learned | to off, not learned"
    yield f"| {what} | {sides} |"
    yield "| --- " * 5 + "|"
    for row in rows:
        yield f"| {' | '.join('-' if cell is None else str(cell) for cell in row)} |"


def _pages(results: Results) -> Iterator[str]:
    first = results.pages[0]
    yield "## What a page can do\n"
    yield (
        "The shipped centroids under the same attacks, and a search of 20 queries that sees the "
        f"headers, with one key changed; {first.search[0].count} questions to on and "
        f"{first.search[1].count} to off as shipped, those that the page decides rightly. Hidden: "
        "between as much text of that side as is read at either end. Honest "
        f"questions: on and off right for all {results.questions:,} held-out ones, by the "
        f"centroids that do not know them. Honest chat: {results.chats:,} prompts of MT-bench, "
        "Vicuna and Arena-Hard about mathematics, code and science (on) or writing, roles and "
        "humanities (off), by the shipped centroids, which have seen none.\n"
    )
    yield (
        "| page | sentence, to on | to off | search, to on | to off | hidden between, to on "
        "| to off | honest questions | honest chat |"
    )
    yield "| --- " * 9 + "|"
    for row in results.pages:
        attacks = (*row.sentence, *row.search, *row.hidden)
        cells = [f"{each.share:.0%}" for each in attacks]
        cells += [f"{each.share:.1%}" for each in (row.questions, row.chats)]
        yield f"| {row.name} | {' | '.join(cells)} |"
