"""What a client says about reasoning itself, in any of the ways that any model understands."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from semrouter_extproc.core.apis import APIS, EFFORT, Api, Shape
from semrouter_extproc.core.body import short_value
from semrouter_extproc.core.conversation import SYSTEM, USER, Turn
from semrouter_extproc.core.reasoning import EFFORTS, Dialect, Path, Reasoning
from semrouter_extproc.core.request import Request
from semrouter_extproc.errors import MalformedRequest

HEADER: Final = "x-reasoning"
"""The request header by which a client says its wish, where the configuration allows it."""

_AUTO: Final = "auto"

_Levels: TypeAlias = Mapping[object, Reasoning]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client says about reasoning.

    `level` is `UNCHANGED` for a wish that cannot be told as one level. `by_header` says that
    it came apart from the body, which it outranks.
    """

    level: Reasoning
    by_header: bool = False


def wish_of_header(value: str) -> Wish:
    """Return the wish in the header: a level, or `UNCHANGED` for `auto`, the router's choice.

    Raises `MalformedRequest` for any other word.
    """
    said = value.strip().lower()
    if said == "none":
        said = Reasoning.OFF  # as the body says it
    levels = [level.value for level in (Reasoning.ON, Reasoning.OFF, *EFFORTS)]
    if said == _AUTO:
        return Wish(Reasoning.UNCHANGED, by_header=True)
    if said not in levels:
        raise MalformedRequest(f"{HEADER} must be one of {_AUTO}, {', '.join(levels)}")
    return Wish(Reasoning(said), by_header=True)


_SWITCH: Final[_Levels] = {True: Reasoning.ON, False: Reasoning.OFF}
_EFFORTS: Final[_Levels] = {
    "none": Reasoning.OFF,
    **{effort.value: effort for effort in EFFORTS},
}
_BASICS: Final[Mapping[Path, _Levels]] = {
    EFFORT: _EFFORTS,
    ("chat_template_kwargs", "reasoning_effort"): _EFFORTS,
    ("enable_thinking",): _SWITCH,
    ("thinking",): _SWITCH,
    ("thinking", "type"): {
        "enabled": Reasoning.ON,
        "adaptive": Reasoning.ON,
        "disabled": Reasoning.OFF,
    },
    ("reasoning",): _SWITCH,
    ("reasoning", "effort"): _EFFORTS,
    ("reasoning", "enabled"): _SWITCH,
}
"""What clients send whatever model they think answers."""

_BUDGETS: Final[Sequence[Path]] = (
    ("thinking_token_budget",),
    ("thinking_budget_tokens",),
    ("thinking_budget",),
    ("thinking", "budget_tokens"),
    ("reasoning", "max_tokens"),
)
"""Members that bound the tokens of thinking: none of them means off."""


_COMMANDS: Final = {
    "/think": Reasoning.ON,
    "/no_think": Reasoning.OFF,
    "/nothink": Reasoning.OFF,
}
"""What users type whatever model they think answers."""


class Vocabulary:
    """Every way to say how a model should reason, gathered from what dialects spell."""

    def __init__(self, dialects: Iterable[Dialect]) -> None:
        dialects = list(dialects)
        budgets = {*_BUDGETS, *(dialect.budget for dialect in dialects if dialect.budget)}
        meanings = _meanings(dialects)
        for budget in budgets:
            meanings.pop(budget, None)  # any number of tokens means the same
        self._meanings = {api: _placed(meanings, api) for api in APIS.values()}
        self._budgets = {api: set(filter(None, map(api.place, budgets))) for api in APIS.values()}
        self._members = {
            api: {path[0] for path in (*self._meanings[api], *self._budgets[api])}
            for api in APIS.values()
        }
        commands = {**_COMMANDS, **_spoken(dialects, "user_turn")}
        # System prompts talk about thinking too often for less than a line of its own.
        system = {**commands, **_spoken(dialects, "system_prompt")}
        self._heard = {
            USER: _Words(commands, whole_lines=False),
            SYSTEM: _Words(system, whole_lines=True),
        }

    def wish_of(self, request: Request) -> Reasoning | None:
        """Return what the client wishes for, or None if it says nothing about reasoning.

        `UNCHANGED` is a wish that cannot be told as one level: it is left as it is.
        """
        if not request.api.templated:
            return None  # nothing that it says could reach a chat template
        if request.api.shape is Shape.BLOCKS and _is_disabled(request):
            return Reasoning.OFF  # in that API it outdoes an effort
        levels = {*self._by_members(request), *self._by_words(request.turns)}
        if not levels:
            return None
        # An effort is the exact form of a mere "on" beside it.
        levels -= {Reasoning.ON} if levels & set(EFFORTS) else set()
        return levels.pop() if len(levels) == 1 else Reasoning.UNCHANGED

    def _by_members(self, request: Request) -> Iterable[Reasoning]:
        if self._members[request.api].isdisjoint(request.members):
            return  # as most requests, and quickly seen
        for path, levels in self._meanings[request.api].items():
            if (raw := request.member(path)) is not None:
                yield from _meaning(raw, levels, path)
        for path in self._budgets[request.api]:
            if (raw := request.member(path)) is not None:
                yield _of_budget(short_value(raw))

    def _by_words(self, turns: Sequence[Turn]) -> Iterable[Reasoning]:
        """Find the latest command: models follow the most recent one."""
        for turn in reversed(turns):
            words = self._heard.get(turn.role)
            found = words.latest(turn.text) if words else None
            if found is not None:
                yield found
                return


def said_in(dialect: Dialect, request: Request) -> Reasoning | None:
    """Return the level that the body says in the words of `dialect` itself, None for none."""
    said = {
        level: len(spelling.members)
        for level, spelling in dialect.spellings.items()
        if spelling.members and all(_says(request, *each) for each in spelling.members.items())
    }
    return max(said, key=lambda level: said[level], default=None)


def _says(request: Request, path: Path, value: object) -> bool:
    raw = request.member(path)
    return raw is not None and _key(short_value(raw)) == _key(value)


class _Words:
    """Words that stand for a level: between blanks, or as `whole_lines` alone."""

    def __init__(self, levels: Mapping[str, Reasoning], *, whole_lines: bool) -> None:
        self._levels = {words: level for words, level in levels.items() if words}
        any_of_them = "|".join(map(re.escape, sorted(self._levels, key=len, reverse=True)))
        around = (r"^[ \t]*", r"[ \t.]*$") if whole_lines else (r"(?<!\S)", r"(?!\S)")
        self._pattern = re.compile(f"{around[0]}({any_of_them}){around[1]}", re.MULTILINE)

    def latest(self, text: str) -> Reasoning | None:
        """Return the level that the last of the words in `text` stands for."""
        # Searching for the bare words first is far quicker in long texts.
        if not any(words in text for words in self._levels):
            return None
        found = self._pattern.findall(text)
        return self._levels[found[-1]] if found else None


def _is_disabled(request: Request) -> bool:
    raw = request.member(("thinking", "type"))
    return raw is not None and short_value(raw) == "disabled"


def _meanings(dialects: Iterable[Dialect]) -> dict[Path, dict[bytes, Reasoning]]:
    meanings = {
        path: {_key(value): level for value, level in levels.items()}
        for path, levels in _BASICS.items()
    }
    for dialect in dialects:
        for level, spelling in dialect.spellings.items():
            for path, value in spelling.members.items():
                known = meanings.setdefault(path, {})
                # Where one value stands for two levels, the basics know what it means first.
                known.setdefault(_key(value), level)
        for path in dialect.removes:
            meanings.setdefault(path, {})
    return meanings


def _placed(
    meanings: Mapping[Path, Mapping[bytes, Reasoning]], api: Api
) -> Mapping[Path, Mapping[bytes, Reasoning]]:
    # Some members belong to an API of their own: `reasoning.effort` to responses.
    placed: dict[Path, dict[bytes, Reasoning]] = {}
    for path, levels in meanings.items():
        for place in {path, api.place(path)} if api.templated else ():
            if place is not None:
                placed.setdefault(place, {}).update(levels)
    return placed


def _meaning(
    raw: msgspec.Raw, levels: Mapping[bytes, Reasoning], path: Path
) -> Iterable[Reasoning]:
    if len(path) == 1 and bytes(memoryview(raw)[:1]) == b"{":
        return  # its members are asked one by one
    yield levels.get(_key(short_value(raw)), Reasoning.UNCHANGED)


def _of_budget(value: object) -> Reasoning:
    if not isinstance(value, int):
        return Reasoning.UNCHANGED
    return Reasoning.OFF if value == 0 else Reasoning.ON


def _spoken(dialects: Iterable[Dialect], where: str) -> Mapping[str, Reasoning]:
    return {
        getattr(spelling, where): level
        for dialect in dialects
        for level, spelling in dialect.spellings.items()
    }


def _key(value: object) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (ValueError, UnicodeEncodeError):
        return b""  # such as a lone surrogate: no dialect spells it
