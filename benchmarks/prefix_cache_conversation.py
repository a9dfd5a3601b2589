"""A conversation of long turns, and how it looks to each family with reasoning on and off."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, TypeAlias

from semrouter_extproc.config import Address
from semrouter_extproc.config.dialects import Backend, Differs, Row, built_in_families
from semrouter_extproc.core.apis import CHAT_COMPLETIONS
from semrouter_extproc.core.reasoning import Dialect, Reasoning
from semrouter_extproc.core.request import parse
from semrouter_extproc.core.rewrite import Changes, rewrite
from semrouter_extproc.core.wording import SystemPrompt
from support.rendering import CHAT, Rendered, render

TURNS: Final = 10

Message: TypeAlias = dict[str, str]

_TEMPLATE: Final = re.compile(r"([\w.+-]+)\.jinja")
# vLLM writes gpt-oss's prompts itself, from a vocabulary that it downloads. The family's own
# template has the effort in the same place.
_STAND_INS: Final = {"gpt-oss": ("openai-gpt-oss-120b",)}
_SYSTEM: Final[Message] = {
    "role": "system",
    "content": (
        "You help a market garden of eight beds to keep its logbook and to plan the next week. "
        "The gardeners write to you once a week, on Sunday evening, with figures that they took "
        "by hand; take them as they are, and say so where one cannot be right. Answer in a few "
        "plain sentences, name the bed before the figure, and give every advice with the reason "
        "for it. The beds lie on a slope: the first is the highest and dries out first, the last "
        "stands in shade from four in the afternoon. Water comes from a tank of six cubic metres "
        "that the rain fills, so that it must last. Nobody here sprays anything. Where you are "
        "not sure, say what to measure, and when, rather than what to do."
    ),
}
_BEDS: Final = ("chard", "leeks", "beans", "kale", "squash", "fennel", "carrots", "onions")


@dataclass(frozen=True, slots=True)
class Subject:
    """A chat template, and the two levels that its family is switched between."""

    family: str
    template: str
    dialect: Dialect
    weak: Reasoning
    strong: Reasoning


@dataclass(frozen=True, slots=True)
class Prompts:
    """What the model reads at each turn, at either level. `framed` says: with a system prompt."""

    weak: tuple[Rendered, ...]
    strong: tuple[Rendered, ...]
    framed: bool

    def at(self, turn: int, *, thinks: bool) -> tuple[int, ...]:
        """Return the tokens of a turn, counted from 0."""
        return (self.strong if thinks else self.weak)[turn].token_ids

    @property
    def parted(self) -> int:
        """How many tokens the two prompts of the last turn begin with in common."""
        return _in_common(self.weak[-1].token_ids, self.strong[-1].token_ids)

    @property
    def differs(self) -> Differs:
        """Where the two prompts of the last turn part ways."""
        weak, strong = self.weak[-1].text, self.strong[-1].text
        parted = _in_common(weak, strong)
        if parted >= weak.index(_question(TURNS)["content"]):
            return "end"
        return "start" if parted < weak.index(_question(1)["content"]) else "history"


def _in_common(one: Sequence[object], other: Sequence[object]) -> int:
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def subjects() -> Iterator[Subject]:
    """Yield every template whose family has a switch that was seen to work in vLLM."""
    for name, family in built_in_families().items():
        row = family.row(Backend.VLLM)
        if row is not None:
            yield from _of_family(name, row)


def _of_family(name: str, row: Row) -> Iterator[Subject]:
    dialect = row.dialect(name, Backend.VLLM)
    weak, strong = dialect.nearest(Reasoning.OFF), dialect.nearest(Reasoning.HIGH)
    for template in _STAND_INS.get(name, _TEMPLATE.findall(row.source)):
        yield Subject(name, template, dialect, weak, strong)


def prompts(subject: Subject, server: Address) -> Prompts:
    """Let vLLM render the conversation, as far as it is known at each turn."""
    framed = _prompts(subject, server, framed=True)
    # A few templates obey their switch only where nobody wrote a system prompt.
    switched = framed.at(-1, thinks=False) != framed.at(-1, thinks=True)
    return framed if switched else _prompts(subject, server, framed=False)


def _prompts(subject: Subject, server: Address, *, framed: bool) -> Prompts:
    conversations = [_messages(turn, framed=framed) for turn in range(1, TURNS + 1)]
    weak, strong = (
        tuple(_rendered(subject, level, messages, server) for messages in conversations)
        for level in (subject.weak, subject.strong)
    )
    return Prompts(weak, strong, framed)


def _rendered(
    subject: Subject, level: Reasoning, messages: Sequence[Message], server: Address
) -> Rendered:
    spelling = subject.dialect.spell(level)
    body = json.dumps({"model": subject.template, "messages": messages}).encode()
    switched = rewrite(
        parse(body, CHAT_COMPLETIONS),
        Changes(
            spelling.members,
            subject.dialect.removes,
            SystemPrompt(prepend=spelling.system_prompt),
            spelling.user_turn,
        ),
    )
    rendered = render(server, CHAT, switched)
    if not rendered.token_ids:
        raise RuntimeError(f"{subject.template} was not rendered: {rendered.document}")
    return rendered


def _messages(turn: int, *, framed: bool) -> Sequence[Message]:
    said = [each for week in range(1, turn) for each in (_question(week), _answer(week))]
    return [*([_SYSTEM] if framed else []), *said, _question(turn)]


def _question(week: int) -> Message:
    lines = (
        f"- {crop}: moisture {_figure(week, bed, 40)} %, {_figure(week, bed, 17) + 8} degrees at "
        f"noon, {_figure(week, bed, 90)} kg picked, {_figure(week, bed, 12)} plants lost"
        for bed, crop in enumerate(_BEDS)
    )
    head = (
        f"This is the logbook of the garden for week {week}. The figures are means of the seven "
        "days, taken by hand every morning before the water was turned on."
    )
    ask = (
        "Which bed needs attention first, is anything out of line with the weeks before, and what "
        "would you change about the watering until next week?"
    )
    return {"role": "user", "content": "\n".join([head, *lines, ask])}


def _answer(week: int) -> Message:
    first, second = (_BEDS[(week * step) % len(_BEDS)] for step in (3, 5))
    text = (
        f"Look at the {first} first: at {_figure(week, 3, 40)} % the soil is drier than it should "
        f"be by about {_figure(week, 3, 9) + 1} points, and the losses fit that. The {second} come "
        "next. Nothing else is out of line with the weeks before, though the temperatures at noon "
        f"are up by {_figure(week, 5, 4) + 1} degrees. I would water these two beds every day for "
        f"{_figure(week, 7, 20) + 10} minutes, leave the others as they are, mulch wherever the "
        "soil is bare, and move the morning reading to the hour before sunrise, so that next "
        "week's figures can be compared with these."
    )
    return {"role": "assistant", "content": text}


def _figure(week: int, bed: int, below: int) -> int:
    """Return a number that looks measured and is the same in every run."""
    return (week * 7919 + bed * 104729 + week * bed * 31) % below
