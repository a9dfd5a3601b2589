"""What a client says about reasoning itself, in any of the ways that any model understands."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from semrouter_extproc.core.apis import APIS, EFFORT, Api
from semrouter_extproc.core.body import value_of
from semrouter_extproc.core.conversation import SYSTEM, USER, Turn
from semrouter_extproc.core.reasoning import EFFORTS, Dialect, Path, Reasoning
from semrouter_extproc.core.request import Request
from semrouter_extproc.errors import MalformedRequest

HEADER: Final = "x-reasoning"
"""The request header by which a client says its wish, where the configuration allows it."""

_AUTO: Final = "auto"

_Levels: TypeAlias = Mapping[object, Reasoning]


def wish_of_header(value: str) -> Reasoning | None:
    """Return the level that the header names, None for `auto`: the router's choice.

    Raises `MalformedRequest` for any other word.
    """
    said = value.strip().lower()
    if said == _AUTO:
        return None
    if said == "none":
        return Reasoning.OFF  # as the body says it
    levels = [level.value for level in (Reasoning.ON, Reasoning.OFF, *EFFORTS)]
    if said not in levels:
        raise MalformedRequest(f"{HEADER} must be one of {_AUTO}, {', '.join(levels)}")
    return Reasoning(said)


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
        self._commands = _Words({**_COMMANDS, **_spoken(dialects, "user_turn")})
        self._system_words = _Words({**_COMMANDS, **_spoken(dialects, "system_prompt")})

    def wish_of(self, request: Request) -> Reasoning | None:
        """Return what the client wishes for, or None if it says nothing about reasoning.

        `UNCHANGED` is a wish that cannot be told as one level: it is left as it is.
        """
        if not request.api.templated:
            return None  # nothing that it says could reach a chat template
        levels = {*self._by_members(request), *self._by_words(request.turns)}
        # An effort is the exact form of a mere "on" beside it.
        levels -= {Reasoning.ON} if levels & set(EFFORTS) else set()
        if not levels:
            return None
        return levels.pop() if len(levels) == 1 else Reasoning.UNCHANGED

    def _by_members(self, request: Request) -> Iterable[Reasoning]:
        for path, levels in self._meanings[request.api].items():
            if path[0] in request.members and (raw := request.member(path)) is not None:
                yield from _meaning(raw, levels, path)
        for path in self._budgets[request.api]:
            if path[0] in request.members and (raw := request.member(path)) is not None:
                yield _of_budget(value_of(raw))

    def _by_words(self, turns: Sequence[Turn]) -> Iterable[Reasoning]:
        """Find the latest command: models follow the most recent one."""
        heard = {USER: self._commands, SYSTEM: self._system_words}
        for turn in reversed(turns):
            found = heard[turn.role].latest(turn.text) if turn.role in heard else None
            if found is not None:
                yield found
                return


class _Words:
    """Words that stand for a level, wherever they stand by themselves."""

    def __init__(self, levels: Mapping[str, Reasoning]) -> None:
        self._levels = {words: level for words, level in levels.items() if words}
        any_of_them = "|".join(map(re.escape, sorted(self._levels, key=len, reverse=True)))
        # Not in a path, a tag or a longer word.
        self._pattern = re.compile(rf"(?<!\S)({any_of_them})(?=[.,;:!?]?(?:\s|$))")

    def latest(self, text: str) -> Reasoning | None:
        """Return the level that the last of the words in `text` stands for."""
        # Searching for the bare words first is far quicker in long texts.
        if not any(words in text for words in self._levels):
            return None
        found = self._pattern.findall(text)
        return self._levels[found[-1]] if found else None


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
    value = value_of(raw)
    if len(path) == 1 and isinstance(value, dict):
        return  # its members are asked one by one
    yield levels.get(_key(value), Reasoning.UNCHANGED)


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
