"""From the replies at every level to a verdict on the switch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from itertools import pairwise, takewhile
from typing import Final

from semrouter_extproc.core.reasoning import Dialect, Reasoning
from semrouter_extproc.workbench.doctor.questions import WORDS_ASKED, levels_of
from semrouter_extproc.workbench.doctor.replies import Answer, Nonsense, Refusal, Reply, Silence

Replies = Mapping[Reasoning, Reply]


class Verdict(StrEnum):
    """Whether a switch works."""

    WORKS = "works"
    IGNORED = "ignored"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    UNCLEAR = "unclear"
    NO_SWITCH = "no switch"

    @property
    def fine(self) -> bool:
        """Whether there is nothing to do."""
        return self in (Verdict.WORKS, Verdict.NO_SWITCH)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and what it rests on. `remedy` is what to do, "" where all is fine."""

    verdict: Verdict
    detail: str
    remedy: str = ""
    warnings: tuple[str, ...] = ()


def judge(dialect: Dialect, replies: Replies) -> Judgement:
    """Judge the switch of `dialect` by the replies to `levels_of` it.

    There may be fewer replies only if the last one is a `Silence`.
    """
    for level, reply in replies.items():
        if not isinstance(reply, Answer):
            return _without_answer(level, reply)
    answers = {level: reply for level, reply in replies.items() if isinstance(reply, Answer)}
    levels = levels_of(dialect)
    weak, strong = levels[0], levels[-1]
    if weak is Reasoning.UNCHANGED:
        return Judgement(Verdict.NO_SWITCH, "it answers")
    if weak is strong:
        return Judgement(
            Verdict.UNCLEAR,
            f"the dialect says {weak} and nothing to compare it with",
            "spell another level under `dialects`",
        )
    in_words = any(_in_words(dialect, level) for level in (weak, strong))
    found = _compare(_Pair(weak, strong, answers[weak], answers[strong], in_words))
    return found if found.verdict is not Verdict.WORKS else _doubted(found, levels, answers)


@dataclass(frozen=True, slots=True)
class _Pair:
    """The weakest level and the strongest; `in_words` if one is said within the prompt."""

    weak: Reasoning
    strong: Reasoning
    weakly: Answer
    strongly: Answer
    in_words: bool

    @property
    def rendered(self) -> bool:
        return bool(self.weakly.prompt and self.strongly.prompt)

    @property
    def alike(self) -> bool:
        return self.rendered and self.weakly.prompt == self.strongly.prompt

    @property
    def told_apart(self) -> bool:
        """Whether the template made something of the level.

        Words differ in the prompt by themselves; but a template that obeys them changes how
        the answer begins, which is where prompts end.
        """
        if not self.rendered:
            return False
        ends_differ = self.weakly.prompt[-1] != self.strongly.prompt[-1]
        return ends_differ if self.in_words else not self.alike

    @property
    def counted_apart(self) -> bool:
        counts = (self.weakly.prompt_tokens, self.strongly.prompt_tokens)
        return None not in counts and counts[0] != counts[1] and not self.in_words


def _compare(pair: _Pair) -> Judgement:
    if pair.told_apart:
        return Judgement(Verdict.WORKS, _where(pair.weakly.prompt, pair.strongly.prompt))
    if pair.counted_apart:
        counts = f"{pair.weakly.prompt_tokens} and {pair.strongly.prompt_tokens}"
        return Judgement(Verdict.WORKS, f"the prompts have {counts} tokens")
    if pair.strongly.thinks and not pair.weakly.thinks:
        return Judgement(Verdict.WORKS, f"it thinks with {pair.strong}, not with {pair.weak}")
    if pair.alike:
        both = f"{pair.weak} and {pair.strong}"
        return Judgement(Verdict.IGNORED, f"{both} are rendered alike", _OTHER_DIALECT)
    if pair.weak is Reasoning.OFF and pair.weakly.thinks:
        return Judgement(Verdict.IGNORED, "it thinks with off", _OTHER_DIALECT)
    return Judgement(Verdict.UNCLEAR, _unknown(pair), _ASK_BY_HAND)


def _where(one: Sequence[int], other: Sequence[int]) -> str:
    """Say where two prompts first differ, and what that leaves in prefix caches."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    longer = max(len(one), len(other))
    # Had the prompts parted before the last turn, all of its tokens would follow.
    at_end = longer - same < WORDS_ASKED
    place = "at the end: the rest stays" if at_end else "early: little stays"
    return f"the prompts differ from token {same + 1} of {longer} on, {place} in prefix caches"


def _unknown(pair: _Pair) -> str:
    shown = "thinks either way" if pair.weakly.thinks else "shows no thinking"
    if pair.in_words and pair.rendered:
        return f"the words reach the prompt, but the model {shown}"
    return f"the server does not show its prompts, and the model {shown}"


def _doubted(
    found: Judgement, levels: Sequence[Reasoning], answers: Mapping[Reasoning, Answer]
) -> Judgement:
    """Add what a switch that works leaves to wish for."""
    warnings = [
        f"{weaker} and {stronger} are rendered alike"
        for weaker, stronger in pairwise(levels)
        if answers[weaker].prompt and answers[weaker].prompt == answers[stronger].prompt
    ]
    if Reasoning.OFF in answers and answers[Reasoning.OFF].thinks:
        warnings.append("off is rendered, yet the answer has a thinking part: check its parser")
    return Judgement(found.verdict, found.detail, found.remedy, tuple(warnings))


def _without_answer(level: Reasoning, reply: Refusal | Silence | Nonsense) -> Judgement:
    if isinstance(reply, Silence):
        return Judgement(Verdict.UNREACHABLE, reply.message, "start it, or correct the endpoint")
    if isinstance(reply, Nonsense):
        return Judgement(Verdict.UNCLEAR, reply.message, "see what answers there")
    asked = "" if level is Reasoning.UNCHANGED else f"{level}: "
    detail = f"{asked}HTTP {reply.status}, {reply.message or 'without a message'}"
    return Judgement(Verdict.REFUSED, detail, _REMEDIES.get(reply.status, _OTHER_DIALECT))


def _in_words(dialect: Dialect, level: Reasoning) -> bool:
    said = dialect.spell(level)
    return bool(said.system_prompt or said.user_turn)


_OTHER_DIALECT: Final = (
    "choose the dialect and backend of this model (`semrouter dialects` lists all), "
    "or spell its own under `dialects`"
)
_ASK_BY_HAND: Final = "try it by hand; vLLM shows thinking with --reasoning-parser"
_KEY: Final = "give the server's key with --api-key"
_REMEDIES: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: _KEY,
    HTTPStatus.FORBIDDEN: _KEY,
    HTTPStatus.NOT_FOUND: "serve chat completions by the model's name, with vLLM's "
    "--served-model-name for one, or configure the name that it has",
}
