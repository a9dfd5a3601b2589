"""From recorded requests, Envoy's access log and scores to the paired records that `tune` reads.

A log holds one answer to each request. A gain can only be learned where the same conversation was
answered by both arms, and so requests with the same conversation become one row.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import msgspec

from semrouter_extproc.core.prompt import Reading
from semrouter_extproc.workbench.access_log import Line
from semrouter_extproc.workbench.observations import Fate, Observation, Outcome, observe
from semrouter_extproc.workbench.recorded import Recorded
from semrouter_extproc.workbench.score_column import Score


class Paired(msgspec.Struct, frozen=True):
    """A row for `read_records`. `id` is made of the conversation, and so always the same."""

    id: str
    text: str
    category: str
    arms: Mapping[str, Outcome]


@dataclass(frozen=True, slots=True)
class Joined:
    """The rows, and where everything else went.

    `observed` counts the usable answers of each arm, `arms` are those of the rows. Beside the
    fates of what was recorded stand the lines of the log and the scores that nobody recorded.
    """

    rows: Sequence[Paired]
    arms: Sequence[str]
    fates: Mapping[Fate, int]
    observed: Mapping[str, int]
    unrecorded_lines: int
    unrecorded_scores: int


def join(
    recorded: Sequence[Recorded],
    lines: Sequence[Line],
    scores: Mapping[str, Score],
    reading: Reading,
) -> Joined:
    """Join by the request's id, then by the conversation; `reading` is the router's own."""
    known = {row.id for row in recorded}
    found = observe(recorded, lines, scores, reading)
    fates = Counter(each for each in found if isinstance(each, Fate))
    observations = _named([each for each in found if isinstance(each, Observation)])
    prompts = _by_prompt(observations)
    arms = _most_shared(prompts.values())
    chosen = {key: seen for key, seen in prompts.items() if arms and arms <= seen.keys()}
    fates.update(_fate(arms, prompts[each.key], each) for each in observations)
    return Joined(
        rows=[_row(seen, sorted(arms)) for seen in chosen.values()],
        arms=sorted(arms),
        fates=fates,
        observed=dict(sorted(Counter(each.arm for each in observations).items())),
        unrecorded_lines=sum(line.request_id not in known for line in lines),
        unrecorded_scores=len(scores.keys() - known),
    )


_Prompt = dict[str, list[Observation]]
"""What was observed of one conversation, by the arm."""


def _named(observations: Sequence[Observation]) -> Sequence[Observation]:
    """Name the model in each arm where there is more than one."""
    if len({each.model for each in observations}) <= 1:
        return observations
    return [msgspec.structs.replace(each, arm=f"{each.model}:{each.arm}") for each in observations]


def _by_prompt(observations: Iterable[Observation]) -> Mapping[str, _Prompt]:
    prompts: defaultdict[str, _Prompt] = defaultdict(dict)
    for each in observations:
        prompts[each.key].setdefault(each.arm, []).append(each)
    return prompts


def _most_shared(prompts: Iterable[_Prompt]) -> frozenset[str]:
    """Return the arms that the most prompts were all answered by; of equals, the more arms."""
    answered = Counter(frozenset(seen) for seen in prompts if len(seen) > 1)
    pairs = (frozenset(pair) for seen in answered for pair in combinations(seen, 2))

    def worth(arms: frozenset[str]) -> tuple[int, int, list[str]]:
        covered = sum(count for seen, count in answered.items() if arms <= seen)
        return covered, len(arms), sorted(arms)

    return max({*answered, *pairs}, key=worth, default=frozenset())


def _fate(arms: frozenset[str], prompt: _Prompt, observation: Observation) -> Fate:
    if len(prompt) == 1:
        return Fate.ONE_ARM
    return Fate.PAIRED if arms <= prompt.keys() and observation.arm in arms else Fate.OTHER_ARMS


def _row(prompt: _Prompt, arms: Sequence[str]) -> Paired:
    first = next(iter(prompt.values()))[0]
    outcomes = {arm: _mean([each.outcome for each in prompt[arm]]) for arm in arms}
    return Paired(f"prompt-{first.key[:24]}", first.text, first.category, outcomes)


def _mean(outcomes: Sequence[Outcome]) -> Outcome:
    timed = [each.seconds for each in outcomes if each.seconds is not None]
    return Outcome(
        score=fmean(each.score for each in outcomes),
        tokens=fmean(each.tokens for each in outcomes),
        parsed=any(each.parsed for each in outcomes),
        truncated=any(each.truncated for each in outcomes),
        seconds=fmean(timed) if timed else None,
    )
