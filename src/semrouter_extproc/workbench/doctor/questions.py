"""What a model is asked: one question at every level, spelt as the router would spell it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from semrouter_extproc.config.dialects import Backend
from semrouter_extproc.core.apis import CHAT_COMPLETIONS
from semrouter_extproc.core.intent import Wish
from semrouter_extproc.core.models import Model
from semrouter_extproc.core.plan import plan
from semrouter_extproc.core.policy import Choice, Reason, Route
from semrouter_extproc.core.reasoning import Dialect, Path, Reasoning
from semrouter_extproc.core.request import parse
from semrouter_extproc.core.rewrite import rewrite

_QUESTION: Final = (
    "A gardener plants tulips in rows. The first row has five bulbs, and every row after it has "
    "three more than the one before. How many rows can she plant with one hundred and twenty "
    "bulbs, and how many bulbs are left over?"
)
WORDS_ASKED: Final = len(_QUESTION.split())
"""The words of the last turn, and so the fewest tokens that any tokenizer makes of it."""

# With an earlier exchange, a switch that is written into past turns shows as one.
_MESSAGES: Final = (
    {"role": "user", "content": "Good morning."},
    {"role": "assistant", "content": "Good morning. What can I do for you?"},
    {"role": "user", "content": _QUESTION},
)
_TOKENS: Final = 64
"""Enough to see whether thinking begins."""

_CURIOSITY: Final[Mapping[str, object]] = {"temperature": 0, "return_token_ids": True}
"""What no client needs, and some servers refuse."""

_CLAUDES_BUDGET: Final[Path] = ("thinking", "budget_tokens")


@dataclass(frozen=True, slots=True)
class Question:
    """The question at one level; `plain` is its body without what some servers refuse."""

    body: bytes
    plain: bytes


def levels_of(dialect: Dialect) -> Sequence[Reasoning]:
    """Return all that `dialect` can say, weakest first; `UNCHANGED` alone if it has no switch."""
    said = [level for level in Reasoning if level in dialect.spellings]
    return said or [Reasoning.UNCHANGED]


def question(model: Model, backend: Backend, level: Reasoning) -> Question:
    """Ask `model` for `level`, one that `levels_of` named."""
    limit = {_limit_of(backend): _TOKENS + _claudes_budget(model.dialect, level)}
    return Question(
        _spelt(model, level, {**limit, **_CURIOSITY}),
        _spelt(model, level, limit),
    )


def _spelt(model: Model, level: Reasoning, members: Mapping[str, Any]) -> bytes:
    body = json.dumps({"model": model.name, "messages": _MESSAGES, **members})
    request = parse(body.encode(), CHAT_COMPLETIONS)
    # A route would be guarded, which takes so few tokens for too few to think; a wish is not.
    choice, wish = Choice(Route(model.name, level), Reason.ROUTED), Wish(level, by_header=True)
    return rewrite(request, plan(request, choice, wish, {model.name: model}, None).changes)


def _limit_of(backend: Backend) -> str:
    # OpenAI's reasoning models refuse the older name, which other servers know best.
    return "max_completion_tokens" if backend is Backend.OPENAI else "max_tokens"


def _claudes_budget(dialect: Dialect, level: Reasoning) -> int:
    # Anthropic wants more tokens for the answer than it may think.
    budget = dialect.spell(level).members.get(_CLAUDES_BUDGET)
    return budget if isinstance(budget, int) else 0
