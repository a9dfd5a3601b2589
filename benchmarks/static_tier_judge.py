"""How `static_tier.py` judges the static tier against the encoder alone."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from time import process_time
from typing import Any, Final

import numpy as np
from interleaved import take_turns
from numpy.typing import NDArray
from static_tier_report import Accuracy, Cost, Curve, PolicyRow

from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.core.classify import Classification, classify
from semrouter_extproc.core.ngrams import Buckets, buckets_of
from semrouter_extproc.core.policy import Choice, Policy, Reason
from semrouter_extproc.core.static import StaticModel, classify_static
from semrouter_extproc.encoding.encoder import Encoder
from semrouter_extproc.encoding.offline import encode_texts
from semrouter_extproc.workbench.scores import wilson

BARS: Final = np.linspace(0, 1, 201)
ROUNDS: Final = 100
PROMPTS_A_ROUND: Final = 8

_Z: Final = 1.96

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Tiers:
    """What the router has: the static tier, and the encoder with its centroids."""

    static: StaticModel
    encoder: Encoder[Any]
    centroids: Centroids

    def encoded(self, text: str, buckets: Buckets) -> Classification:
        """Classify one text by the encoder, and by its n-grams."""
        (vector,) = self.encoder.encode(self.encoder.tokenize([text]))
        return classify(vector, buckets, self.centroids)


@dataclass(frozen=True, slots=True)
class Judged:
    """Prompts, and what the static tier and the encoder take each for."""

    name: str
    texts: list[str]
    static: list[Classification]
    encoder: list[Classification]

    @classmethod
    def by(cls, tiers: Tiers, name: str, texts: list[str]) -> "Judged":
        """Classify every text by each tier."""
        vectors = encode_texts(tiers.encoder, texts)
        buckets = [buckets_of(text) for text in texts]
        return cls(
            name,
            texts,
            static=[classify_static(each, tiers.static) for each in buckets],
            encoder=[
                classify(vector, each, tiers.centroids)
                for vector, each in zip(vectors, buckets, strict=True)
            ],
        )


def policy_row(judged: Judged, name: str, policy: Policy, bar: float) -> PolicyRow:
    """Say how many prompts the static tier answers, and for how many that changes the decision."""
    answered = is_answered(judged, policy, bar)
    changed = answered & differ(judged, policy)
    return PolicyRow(
        policy=name,
        prompts=judged.name,
        count=len(answered),
        answered=share(answered),
        changed=share(changed),
        changed_interval=wilson(int(changed.sum()), len(changed)),
    )


def accuracy(judged: Judged, truth: Sequence[str], policy: Policy, bar: float) -> Accuracy:
    """Compare the categories found with and without the static tier, prompt by prompt."""
    answered = is_answered(judged, policy, bar)
    alone = hits(judged.encoder, truth)
    together = np.where(answered, hits(judged.static, truth), alone)
    gained, lost = int((together & ~alone).sum()), int((alone & ~together).sum())
    count = len(truth)
    half = _Z * math.sqrt(gained + lost - (gained - lost) ** 2 / count) / count
    difference = (gained - lost) / count
    return Accuracy(
        encoder=share(alone),
        together=share(together),
        gained=gained,
        lost=lost,
        difference=round(difference, 4),
        interval=(round(difference - half, 4), round(difference + half, 4)),
    )


def curve(judged: Judged, name: str, policy: Policy) -> Curve:
    """Return what other bars would do."""
    changes = differ(judged, policy)
    answered = [is_answered(judged, policy, bar) for bar in BARS]
    return Curve(
        policy=name,
        prompts=judged.name,
        bars=[round(float(bar), 4) for bar in BARS],
        answered=[share(flags) for flags in answered],
        changed=[share(flags & changes) for flags in answered],
    )


def cost(judged: Judged, tiers: Tiers, policy: Policy) -> Cost:
    """Time the three ways to a decision, one prompt at a time on one thread."""

    def static(text: str) -> Choice:
        return policy.choose(classify_static(buckets_of(text), tiers.static))

    def encoder(text: str) -> Choice:
        return policy.choose(tiers.encoded(text, buckets_of(text)))

    def together(text: str) -> Choice:
        buckets = buckets_of(text)
        choice = policy.choose(classify_static(buckets, tiers.static))
        if stands(choice, tiers.static.bar):
            return choice
        return policy.choose(tiers.encoded(text, buckets))

    count = ROUNDS * PROMPTS_A_ROUND
    texts = judged.texts[:: max(len(judged.texts) // count, 1)][:count]
    ways = {"static": static, "encoder": encoder, "together": together}
    actions = {name: over(texts, way) for name, way in ways.items()}
    taken = take_turns(actions, rounds=ROUNDS, clock=process_time)
    ms = {name: float(seconds.mean()) / PROMPTS_A_ROUND * 1e3 for name, seconds in taken.items()}
    return Cost(
        prompts=judged.name,
        static_ms=round(ms["static"], 3),
        encoder_ms=round(ms["encoder"], 3),
        together_ms=round(ms["together"], 3),
        ratio=round(ms["together"] / ms["encoder"], 3),
    )


def over(texts: Sequence[str], way: Callable[[str], object]) -> Callable[[], None]:
    """Return what goes `way` with the next few texts whenever it is called."""
    turns = cycle(texts)

    def act() -> None:
        for _ in range(PROMPTS_A_ROUND):
            way(next(turns))

    return act


def stands(choice: Choice, bar: float) -> bool:
    """Say whether the router would act on a choice of the static tier."""
    return choice.reason is Reason.ROUTED and choice.lead is not None and choice.lead >= bar


def is_answered(judged: Judged, policy: Policy, bar: float) -> Flags:
    """Say for each prompt whether the encoder is spared."""
    return np.array([stands(policy.choose(found), bar) for found in judged.static])


def differ(judged: Judged, policy: Policy) -> Flags:
    """Say for each prompt whether model or reasoning are not those of the encoder alone."""
    pairs = zip(judged.static, judged.encoder, strict=True)
    return np.array(
        [policy.choose(one).route != policy.choose(other).route for one, other in pairs]
    )


def hits(found: Sequence[Classification], truth: Sequence[str]) -> Flags:
    """Say for each prompt whether its category is right."""
    return np.array([one.category == right for one, right in zip(found, truth, strict=True)])


def share(flags: Flags) -> float:
    """Return how many flags are set, from 0 to 1."""
    return round(float(flags.mean()), 4)
