"""Paired records: the same prompt answered by each arm, with its score and its tokens.

An arm is a way to answer: with reasoning and without, or one model and another.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.artefact import Source
from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.files import read_content, shortened

DIRECT: Final = "direct"
REASONING: Final = "reasoning"
"""The arms of a row that names none."""

_SEED: Final = 0

ONE_ARM: Final = (
    "what the other arm would have answered was not observed, and no gain can be learned from "
    "rows without it: record both arms of the same prompt for a small random share of traffic "
    "(a few hundred prompts; one per cent does), or ask the missing arm the same prompts again"
)


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """What each arm made of each prompt.

    `arms` has the cheapest first, by mean tokens; `categories` holds "" where a row names
    none. `scores` `[N, A]` are from 0 to 1, `tokens` `[N, A]` generated tokens. `unparsed`
    `[N, A]` marks outputs from which no answer could be read (they score 0), `truncated`
    those that were cut off.
    """

    arms: tuple[str, ...]
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    categories: tuple[str, ...]
    scores: NDArray[np.float64]
    tokens: NDArray[np.float64]
    unparsed: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    sources: tuple[Source, ...] = ()

    def where(self, chosen: NDArray[np.bool_]) -> "Records":
        """Return the rows where `chosen`, `[N]`, is true."""
        rows = np.flatnonzero(chosen)
        return replace(
            self,
            ids=tuple(self.ids[row] for row in rows),
            texts=tuple(self.texts[row] for row in rows),
            categories=tuple(self.categories[row] for row in rows),
            scores=self.scores[rows],
            tokens=self.tokens[rows],
            unparsed=self.unparsed[rows],
            truncated=self.truncated[rows],
        )

    def sample(self, most: int) -> "Records":
        """Return `most` rows, drawn at random but always the same, in their order; or all."""
        drawn = np.random.default_rng(_SEED).permutation(len(self.ids)) < most
        return self.where(drawn)


def read_records(paths: Iterable[Path]) -> Records:
    """Read every row of JSON Lines, plain or gzipped.

    A row is `{"id"?, "text", "category"?, "reasoning": OUTCOME, "direct": OUTCOME}` or names
    its arms in `"arms": {NAME: OUTCOME, ...}`. An OUTCOME is `{"correct": 0 or 1, "tokens"}` or
    `{"score": 0 to 1, "tokens"}`, and perhaps `"parsed": false` or `"truncated": true`.

    Raises ConfigError that names each bad row as `file:line`, rows with one arm among them.
    """
    faults: list[str] = []
    sources: list[Source] = []
    rows: list[_Observed] = []
    for path in paths:
        before = len(rows)
        if content := read_content(path, faults):
            rows.extend(_rows(path, content.raw, faults))
            sources.append(Source(path.name, content.digest, len(rows) - before))
    faults.extend(_strangers(rows))
    if not rows and not faults:
        faults.append("no row in any file")
    if faults:
        explained = [ONE_ARM] if any(_ONLY in fault for fault in faults) else []
        raise ConfigError("records", [*shortened(faults), *explained])
    return _records(rows, tuple(sources))


class _Outcome(msgspec.Struct):
    tokens: Annotated[float, msgspec.Meta(ge=0)]
    correct: bool | Annotated[int, msgspec.Meta(ge=0, le=1)] | None = None
    score: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    parsed: bool = True
    truncated: bool = False

    def __post_init__(self) -> None:
        if (self.correct is None) == (self.score is None):
            raise ValueError("an outcome has either `correct` or `score`")

    @property
    def points(self) -> float:
        given = self.correct if self.score is None else self.score
        return float(given or 0) if self.parsed else 0.0


class _Row(msgspec.Struct):
    text: Annotated[str, msgspec.Meta(pattern=r"\S")]
    id: str | int | None = None
    category: str | None = None
    reasoning: _Outcome | None = None
    direct: _Outcome | None = None
    arms: dict[Annotated[str, msgspec.Meta(pattern=r"\S")], _Outcome] | None = None

    @property
    def outcomes(self) -> Mapping[str, _Outcome]:
        pair = {DIRECT: self.direct, REASONING: self.reasoning}
        return {**{arm: seen for arm, seen in pair.items() if seen}, **(self.arms or {})}


@dataclass(frozen=True, slots=True)
class _Observed:
    place: str
    row: _Row
    outcomes: Mapping[str, _Outcome]


_ONLY: Final = "only the arm"
_FEWEST_ARMS: Final = 2


def _rows(path: Path, content: bytes, faults: list[str]) -> Iterator[_Observed]:
    # Prompts hold U+2028 and the like, at which str.splitlines would break a row in two.
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line, type=_Row)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            faults.append(f"{path}:{number}: {error}")
            continue
        outcomes = row.outcomes
        if len(outcomes) < _FEWEST_ARMS:
            faults.append(f"{path}:{number}: {_too_few(outcomes)}")
        else:
            yield _Observed(f"{path}:{number}", row, outcomes)


def _too_few(outcomes: Mapping[str, _Outcome]) -> str:
    if not outcomes:
        return "has no outcome: give `reasoning` and `direct`, or `arms` with a name for each"
    return f"{_ONLY} `{next(iter(outcomes))}` was observed"


def _strangers(rows: list[_Observed]) -> Iterator[str]:
    for row in rows:
        if row.outcomes.keys() != rows[0].outcomes.keys():
            found, wanted = sorted(row.outcomes), sorted(rows[0].outcomes)
            yield f"{row.place}: has the arms {', '.join(found)}, the first row {', '.join(wanted)}"


def _records(rows: list[_Observed], sources: tuple[Source, ...]) -> Records:
    named = sorted(rows[0].outcomes)
    tokens = np.array([[row.outcomes[arm].tokens for arm in named] for row in rows])
    arms = [named[at] for at in np.argsort(tokens.mean(axis=0), kind="stable")]
    outcomes = [[row.outcomes[arm] for arm in arms] for row in rows]
    return Records(
        arms=tuple(arms),
        ids=tuple(_id(row) for row in rows),
        texts=tuple(row.row.text for row in rows),
        categories=tuple(row.row.category or "" for row in rows),
        scores=np.array([[each.points for each in row] for row in outcomes]),
        tokens=np.array([[each.tokens for each in row] for row in outcomes]),
        unparsed=np.array([[not each.parsed for each in row] for row in outcomes]),
        truncated=np.array([[each.truncated for each in row] for row in outcomes]),
        sources=sources,
    )


def _id(row: _Observed) -> str:
    return Path(row.place).name if row.row.id is None else str(row.row.id)
