"""Decides about prompts as the router does, many at a time, and searches for ways around it."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from steering_material import Attack, Target, piece, said

from semrouter_extproc.assembly import Edition, load_edition
from semrouter_extproc.config import parse
from semrouter_extproc.core.conversation import Turn
from semrouter_extproc.core.ngrams import buckets_of
from semrouter_extproc.core.policy import PAPER_POLICY, Choice, Reason
from semrouter_extproc.core.prompt import text_to_classify
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.encoding.offline import encode_texts
from semrouter_extproc.workbench.progress import Progress

QUERIES: Final = (1, 5, 20)
"""How often the router is asked by those who search."""

Vector = NDArray[np.float32]


class Vectors:
    """Encodes texts, each once."""

    def __init__(self, encoder: AnyEncoder, progress: Progress) -> None:
        self._encoder = encoder
        self._known: dict[str, Vector] = {}
        self._progress = progress

    def learn(self, texts: Sequence[str]) -> None:
        """Encode those that are new."""
        new = sorted(set(texts) - self._known.keys())
        if new:
            self._known.update(zip(new, encode_texts(self._encoder, new), strict=True))
            self._progress.detail(f"{len(self._known):,} texts encoded")

    def of(self, text: str) -> Vector:
        """Return the unit vector of a text that was learned."""
        return self._known[text]


class Router:
    """What a page decides about prompts, the static tier first, without memory or queue."""

    def __init__(self, vectors: Vectors, **sections: Any) -> None:  # noqa: ANN401 - as in YAML
        self._vectors = vectors
        self._edition = _edition(sections)

    @property
    def max_chars(self) -> int:
        """How many characters of a prompt are read."""
        return self._edition.rules.reading.max_chars

    def choose(self, prompts: Sequence[Sequence[Turn]]) -> list[Choice]:
        """Choose for each prompt."""
        judge, reading = self._edition.judge, self._edition.rules.reading
        texts = [text_to_classify(turns, reading) for turns in prompts]
        buckets = [buckets_of(text) for text in texts]
        by_words = [
            judge.by_words(each) if text else None
            for text, each in zip(texts, buckets, strict=True)
        ]
        sure = [each is not None and judge.is_sure(each) for each in by_words]
        self._vectors.learn(
            [text for text, known in zip(texts, sure, strict=True) if text and not known]
        )
        found = []
        for text, each, words, known in zip(texts, buckets, by_words, sure, strict=True):
            if words is not None and known:
                found.append(words.choice)
            elif text:
                found.append(judge.by_vector(self._vectors.of(text), text, each).choice)
            else:
                found.append(judge.without_vector(Reason.NO_PROMPT))
        return found

    def reasons(self, prompts: Sequence[Sequence[Turn]]) -> list[bool]:
        """Say for each prompt whether the model reasons."""
        return [choice.route.reasoning.thinks for choice in self.choose(prompts)]


def _edition(sections: Any) -> Edition:  # noqa: ANN401
    page = {
        "models": {"model": {"dialect": "qwen3", "endpoints": ["127.0.0.1:8000"]}},
        "default": {"model": "model"},
    }
    return load_edition(parse(page | sections, source="the benchmark's page"))


@dataclass(slots=True)
class _Search:
    """One attacker's best prompt so far: what stands in front, and how near it came."""

    target: Target
    rng: random.Random
    front: str = ""
    score: float = -np.inf
    queries: int | None = None

    def behind(self, front: str) -> Sequence[Turn]:
        """Return the prompt with `front` before the question."""
        return said(f"{front}\n{self.target.question}")


@dataclass(frozen=True, slots=True)
class Found:
    """After how many queries a prompt was turned, None for never, and by how many characters."""

    queries: int | None
    characters: int


def searched(
    router: Router, targets: Sequence[Target], *, on: bool, sees_headers: bool
) -> list[Found]:
    """Add a few words at a time in front, and keep what brings the decision nearer.

    Who `sees_headers` has category and confidence to judge by; who does not keeps everything.
    """
    searches = [_Search(each, random.Random(each.question)) for each in targets]  # noqa: S311
    for number in range(1, max(QUERIES) + 1):
        unsolved = [each for each in searches if each.queries is None]
        fronts = [f"{each.front}{piece(each.target, each.rng)} " for each in unsolved]
        choices = router.choose(
            [each.behind(text) for each, text in zip(unsolved, fronts, strict=True)]
        )
        for search, front, choice in zip(unsolved, fronts, choices, strict=True):
            score = _nearness(choice, on=on)
            if choice.route.reasoning.thinks is on:
                search.queries, search.front = number, front
            elif score > search.score or not sees_headers:
                search.front, search.score = front, score
    return [Found(each.queries, len(each.front)) for each in searches]


def _nearness(choice: Choice, *, on: bool) -> float:
    """Return how near a decision is to what is wanted, by what its headers say."""
    if choice.category is None or choice.confidence is None:
        return -1.0
    is_wanted = PAPER_POLICY[choice.category].thinks is on
    return choice.confidence if is_wanted else -choice.confidence


def turned(router: Router, targets: Sequence[Target], attack: Attack, *, on: bool) -> list[bool]:
    """Say of each target whether the attack has its way."""
    return [thinks is on for thinks in router.reasons([attack(each) for each in targets])]


def nearest_of(vectors: Vectors, known: Sequence[str]) -> Callable[[str], str]:
    """Return what finds the text of `known` that is most like another one."""
    vectors.learn(known)
    table = np.stack([vectors.of(text) for text in known])

    def nearest(text: str) -> str:
        return known[int((table @ vectors.of(text)).argmax())]

    return nearest
