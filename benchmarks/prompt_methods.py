"""Ways to read a long prompt or a conversation, for `prompts.py` to compare."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from semrouter_extproc.core.conversation import USER, Turn
from semrouter_extproc.core.prompt import Reading, shortened, text_to_classify

Cut = Callable[[str], Sequence[str]]
"""From a prompt to what is encoded; several texts are pooled, see `prompt_judge.Router`."""

Read = Callable[[Sequence[str]], str]
"""From the user's turns to what is encoded."""

CHOSEN: Final = Reading()
_PAST_THE_WINDOW: Final = 8_000


def head(length: int) -> Cut:
    """Read the first characters."""
    return lambda text: [text[:length]]


def tail(length: int) -> Cut:
    """Read the last characters."""
    return lambda text: [text[-length:]]


def ends(length: int, head_share: float = 0.5, *, tail_first: bool = False) -> Cut:
    """Read the head and the tail."""

    def cut(text: str) -> Sequence[str]:
        if len(text) <= length:
            return [text]
        first = int(length * head_share)
        pieces = [text[:first], text[first - length :]]
        return ["\n".join(reversed(pieces) if tail_first else pieces)]

    return cut


def windows(count: int, length: int) -> Cut:
    """Read several windows, spread evenly from the head to the tail, each on its own."""

    def cut(text: str) -> Sequence[str]:
        spread = max(len(text) - length, 0)
        starts = sorted({spread * number // (count - 1) for number in range(count)})
        return [text[start : start + length] for start in starts]

    return cut


def as_shipped(text: str) -> Sequence[str]:
    """Read as the router does."""
    return [text_to_classify([Turn(USER, text)], CHOSEN)]


CUTS: Final[Mapping[str, Cut]] = {
    "head, 8,000 characters (before)": head(_PAST_THE_WINDOW),
    "head, 500": head(500),
    "tail, 500": tail(500),
    "tail, 1,000": tail(1_000),
    **{f"head and tail, {length:,}": ends(length) for length in (300, 400, 500, 700, 1_000)},
    "head and tail, 8,000": ends(_PAST_THE_WINDOW),
    "head 1/4, tail 3/4, 500": ends(500, 0.25),
    "head 3/4, tail 1/4, 500": ends(500, 0.75),
    "tail, then head, 500": ends(500, tail_first=True),
    "tail, then head, 1,000": ends(1_000, tail_first=True),
    "2 windows of 250, pooled": windows(2, 250),
    "4 windows of 500, pooled": windows(4, 500),
}
FINAL_CUTS: Final[Mapping[str, Cut]] = {
    "head, 8,000 characters (before)": head(_PAST_THE_WINDOW),
    "tail, 1,000": tail(1_000),
    "head and tail, 1,000": ends(1_000),
    "head and tail, as shipped": as_shipped,
    "4 windows of 500, pooled": windows(4, 500),
}


def last_turn(turns: Sequence[str]) -> str:
    """Read the last turn alone."""
    return shortened(turns[-1], CHOSEN.max_chars)


def all_turns(turns: Sequence[str]) -> str:
    """Read all turns as one text."""
    return shortened("\n".join(turns), CHOSEN.max_chars)


def filled_to(enough: int) -> Read:
    """Read as the router does, with another `enough_chars`."""
    reading = Reading(enough_chars=enough)
    return lambda turns: text_to_classify([Turn(USER, turn) for turn in turns], reading)


def last_after_earlier(enough: int) -> Read:
    """Read the same turns, but in the order of the conversation."""

    def read(turns: Sequence[str]) -> str:
        return "\n".join(reversed(_filled(turns, enough, enough)))

    return read


def filled_below(short: int, enough: int) -> Read:
    """Add a fixed amount of earlier text, but only to turns shorter than `short`."""

    def read(turns: Sequence[str]) -> str:
        return "\n".join(_filled(turns, short, short + enough))

    return read


def _filled(turns: Sequence[str], short: int, enough: int) -> list[str]:
    pieces = [last_turn(turns)]
    if len(pieces[0]) >= short:
        return pieces
    for turn in reversed(turns[:-1]):
        room = enough - sum(map(len, pieces))
        if room <= 0:
            break
        pieces.append(shortened(turn, room))
    return pieces


READS: Final[Mapping[str, Read]] = {
    "last turn (before)": last_turn,
    "all turns": all_turns,
    **{
        f"filled up to {enough}": filled_to(enough) for enough in (50, 100, 150, 175, 200, 300, 500)
    },
    **{f"same, last turn last, {e}": last_after_earlier(e) for e in (175, 300)},
    "below 50 characters, 150 more": filled_below(50, 150),
    "below 50 characters, 300 more": filled_below(50, 300),
    "below 100 characters, 300 more": filled_below(100, 300),
}
FINAL_READS: Final[Mapping[str, Read]] = {
    "last turn (before)": last_turn,
    "all turns": all_turns,
    "as shipped": filled_to(CHOSEN.enough_chars),
}
