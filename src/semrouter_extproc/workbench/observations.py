"""What is known of the answer to a recorded request: from Envoy's access log, and from a score."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec

from semrouter_extproc.core.body import decode
from semrouter_extproc.core.prompt import Reading, text_to_classify
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.core.request import Request, parse
from semrouter_extproc.errors import MalformedRequest
from semrouter_extproc.workbench.access_log import Line
from semrouter_extproc.workbench.recorded import Recorded
from semrouter_extproc.workbench.records import DIRECT, REASONING
from semrouter_extproc.workbench.score_column import Score


class Fate(StrEnum):
    """What became of a recorded request; each has exactly one, the first that holds."""

    AMBIGUOUS = "ambiguous_id"
    NOT_LOGGED = "not_in_the_log"
    FAILED = "failed"
    NO_TOKENS = "no_tokens"
    UNSCORED = "unscored"
    REDACTED = "redacted"
    NO_PROMPT = "no_prompt"
    UNKNOWN_ARM = "unknown_arm"
    ONE_ARM = "one_arm"
    OTHER_ARMS = "other_arms"
    PAIRED = "paired"


class Outcome(msgspec.Struct, frozen=True):
    """What an arm made of a prompt, the mean where it answered more than once.

    `tokens` are generated ones, `seconds` are those of Envoy, None where it told none.
    """

    score: float
    tokens: float
    parsed: bool
    truncated: bool
    seconds: float | None


class Observation(msgspec.Struct, frozen=True):
    """One usable answer. `key` tells conversations apart, `text` is what is classified of one."""

    key: str
    text: str
    category: str
    model: str
    arm: str
    outcome: Outcome


def observe(
    recorded: Sequence[Recorded],
    lines: Sequence[Line],
    scores: Mapping[str, Score],
    reading: Reading,
) -> Sequence[Observation | Fate]:
    """Return what is known of the answer to each request, or why that is not enough."""
    sources = _Sources(_once(row.id for row in recorded), _by_id(lines), scores, reading)
    return [sources.observe(row) for row in recorded]


@dataclass(frozen=True, slots=True)
class _Sources:
    unique: frozenset[str]
    lines: Mapping[str, Sequence[Line]]
    scores: Mapping[str, Score]
    reading: Reading

    def observe(self, row: Recorded) -> Observation | Fate:
        """Return what is known of the answer to `row`, or why that is not enough."""
        lines = self.lines.get(row.id, ())
        if row.id not in self.unique or len(lines) > 1:
            return Fate.AMBIGUOUS
        if not lines:
            return Fate.NOT_LOGGED
        if not _is_success(lines[0].code):
            return Fate.FAILED
        if not lines[0].completion_tokens:
            return Fate.NO_TOKENS
        if row.id not in self.scores:
            return Fate.UNSCORED
        return self._read(row, lines[0], self.scores[row.id])

    def _read(self, row: Recorded, line: Line, score: Score) -> Observation | Fate:
        if row.redacted:
            return Fate.REDACTED
        try:
            request = parse(row.body, row.api)
        except MalformedRequest:
            return Fate.NO_PROMPT
        text = text_to_classify(request.turns, self.reading)
        decision = row.decision
        if not text.strip():
            return Fate.NO_PROMPT
        if decision is None or decision.model is None or decision.reasoning not in _ARMS:
            return Fate.UNKNOWN_ARM
        return Observation(
            key=_key(request),
            text=text,
            category=decision.category or "",
            model=decision.model,
            arm=_ARMS[decision.reasoning],
            outcome=_outcome(request, line, score),
        )


_ARMS: Final[Mapping[Reasoning, str]] = {
    **{level: level.value for level in Reasoning if level is not Reasoning.UNCHANGED},
    Reasoning.OFF: DIRECT,
    Reasoning.ON: REASONING,
}
"""An effort is an arm of its own: a family that cannot be off answers by two of them."""


def _is_success(code: int) -> bool:
    return code // 100 == 2  # noqa: PLR2004 - HTTP's class of success


def _once(ids: Iterable[str]) -> frozenset[str]:
    return frozenset(name for name, count in Counter(ids).items() if count == 1)


def _by_id(lines: Iterable[Line]) -> Mapping[str, Sequence[Line]]:
    found: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        found[line.request_id].append(line)
    return found


def _key(request: Request) -> str:
    """Return a digest of the whole conversation: of a long one, only a part is classified."""
    turns = [(turn.role, turn.text, turn.image) for turn in request.turns]
    return sha256(json.dumps(turns).encode()).hexdigest()


def _outcome(request: Request, line: Line, score: Score) -> Outcome:
    tokens = line.completion_tokens or 0.0
    truncated = tokens == _limit(request) if score.truncated is None else score.truncated
    seconds = None if line.duration_ms is None else line.duration_ms / 1000
    points = score.score if score.parsed else 0.0
    return Outcome(points, tokens, score.parsed, truncated, seconds)


def _limit(request: Request) -> int | None:
    """Return the client's limit of generated tokens: an answer as long was cut off by it."""
    for name in request.api.limits:
        try:
            limit: int | None = decode(request.members, name, int)
        except MalformedRequest:
            continue
        if limit is not None:
            return limit
    return None
