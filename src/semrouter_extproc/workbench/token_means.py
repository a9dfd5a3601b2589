"""What a change costs in tokens, by the mean of each way of answering.

The means are from Envoy's access log, each of the prompts that went that way, or from paired
records, all of the same prompts.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from statistics import fmean

import msgspec

from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.workbench.access_log import read_access_log
from semrouter_extproc.workbench.files import read_content
from semrouter_extproc.workbench.records import DIRECT, REASONING, read_records
from semrouter_extproc.workbench.replay import Pair, Way, way_of


@dataclass(frozen=True, slots=True)
class TokenMeans:
    """Mean generated tokens by arm: `MODEL:ARM`, or `ARM` alone for any model."""

    by_arm: Mapping[str, float]

    def of(self, way: Way) -> float | None:
        """Return the mean of a way, None where nothing is known; a refusal generates nothing."""
        if way.refused:
            return 0.0
        arm = _arm(way.reasoning)
        return self.by_arm.get(f"{way.model}:{arm}", self.by_arm.get(arm))


def read_token_means(path: Path) -> TokenMeans:
    """Read an access log or paired records. Raises ConfigError for what is neither."""
    return TokenMeans(_of_records(path) if _is_records(path) else _of_log(path))


class Estimate(msgspec.Struct, frozen=True):
    """Generated tokens, before and after, of those `requests` whose ways have a known mean.

    `unknown` counts the requests that are in neither sum, by the way that nothing is known of.
    """

    requests: int
    before: float
    after: float
    unknown: Mapping[str, int]


def estimate(pairs: Iterable[Pair], means: TokenMeans) -> Estimate:
    """Add up the mean tokens of each request's way."""
    known: list[tuple[float, float]] = []
    unknown: Counter[str] = Counter()
    for pair in pairs:
        ways = (way_of(pair.before), way_of(pair.after))
        before, after = map(means.of, ways)
        if before is None or after is None:
            unknown.update({str(way) for way in ways if means.of(way) is None})
        else:
            known.append((before, after))
    before, after = (fsum(each[side] for each in known) for side in (0, 1))
    return Estimate(len(known), before, after, dict(sorted(unknown.items())))


def _is_records(path: Path) -> bool:
    content = read_content(path, [])
    first = (content.raw if content else b"").lstrip().partition(b"\n")[0]
    try:
        return "text" in msgspec.json.decode(first, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False


def _of_records(path: Path) -> Mapping[str, float]:
    records = read_records([path])
    return dict(zip(records.arms, records.tokens.mean(axis=0).tolist(), strict=True))


def _of_log(path: Path) -> Mapping[str, float]:
    tokens: defaultdict[str, list[float]] = defaultdict(list)
    for line in read_access_log(path).lines:
        if line.completion_tokens and line.reasoning:
            tokens[f"{line.model or ''}:{_arm(line.reasoning)}"].append(line.completion_tokens)
    return {arm: fmean(each) for arm, each in tokens.items()}


def _arm(reasoning: str) -> str:
    return {Reasoning.OFF.value: DIRECT, Reasoning.ON.value: REASONING}.get(reasoning, reasoning)
