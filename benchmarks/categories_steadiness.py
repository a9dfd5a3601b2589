"""Whether the same question, disturbed, is decided in the same way."""

from collections.abc import Sequence

import msgspec
import numpy as np
from categories_judge import MIN_MARGIN, on, prompts
from classification import default_policy
from learned import Learned

from semrouter_extproc.core.classify import Classification, classify
from semrouter_extproc.core.conversation import USER, Turn
from semrouter_extproc.core.ngrams import buckets_of
from semrouter_extproc.core.prompt import Reading, text_to_classify
from semrouter_extproc.core.static import StaticModel, classify_static
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.workbench.features import Mask, features_of
from semrouter_extproc.workbench.perturbations import JUDGED
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.rows import Rows
from semrouter_extproc.workbench.static import Taught, fit_static


class Flips(msgspec.Struct, frozen=True):
    """What changes with a disturbance, as shares of all prompts.

    `category` and `switch` are of the encoder's classification; `routed` is the switch of the
    whole ladder, in which the static tier answers first.
    """

    name: str
    category: float
    switch: float
    routed: float
    accuracy: float


def steadiness(
    texts: Sequence[str], rows: Rows, known: Learned, encoder: AnyEncoder, progress: Progress
) -> list[Flips]:
    """Disturb `texts`, those of `rows`, and compare with what they were taken for undisturbed."""
    progress.step("Learning the static tier")
    taught = Taught(
        known.lessons.rows.features.ngrams, known.lessons.rows.truth, known.choice.probabilities
    )
    nothing = np.zeros(len(known.lessons.rows.truth), np.bool_)
    tier = fit_static(taught, nothing, known.lessons.rows.labels, progress)
    router = _Router(known, tier.model if tier else None, encoder)
    progress.step("Reading prompts as they are")
    plain = router.read(texts, progress)
    found = [Flips("as it is", 0, 0, 0, plain.accuracy(rows))]
    for disturbance in JUDGED:
        progress.step(f"Reading prompts with {disturbance.name}")
        disturbed = router.read([disturbance.disturb(text) for text in texts], progress)
        found.append(_flips(disturbance.name, plain, disturbed, rows))
    return found


class _Read:
    """What texts were taken for, and which of them reason."""

    def __init__(self, found: list[Classification], switch: Mask, routed: Mask) -> None:
        self.categories = np.array([row.index for row in found])
        self.switch = switch
        self.routed = routed

    def accuracy(self, rows: Rows) -> float:
        return round(float((self.categories == rows.truth).mean()), 4)


class _Router:
    """Encoder, centroids and static tier, as the ladder asks them."""

    def __init__(self, known: Learned, static: StaticModel | None, encoder: AnyEncoder) -> None:
        self._known = known
        self._static = static
        self._encoder = encoder

    def read(self, texts: Sequence[str], progress: Progress) -> _Read:
        heard = [text_to_classify([Turn(USER, text)], Reading()) for text in texts]
        features = features_of(heard, self._encoder, progress)
        centroids = self._known.centroids
        found = [classify(vector, buckets, centroids) for vector, buckets in prompts(features)]
        switch = on(found, centroids.labels)
        return _Read(found, switch, self._routed(heard, switch))

    def _routed(self, texts: Sequence[str], switch: Mask) -> Mask:
        if self._static is None:
            return switch
        alone = [classify_static(buckets_of(text), self._static) for text in texts]
        policy = default_policy(self._static.labels, MIN_MARGIN)
        sure = np.array([(policy.choose(row).lead or 0.0) >= self._static.bar for row in alone])
        routed: Mask = np.where(sure, on(alone, self._static.labels), switch)
        return routed


def _flips(name: str, plain: _Read, disturbed: _Read, rows: Rows) -> Flips:
    return Flips(
        name=name,
        category=_share(plain.categories != disturbed.categories),
        switch=_share(plain.switch != disturbed.switch),
        routed=_share(plain.routed != disturbed.routed),
        accuracy=disturbed.accuracy(rows),
    )


def _share(flags: Mask) -> float:
    return round(float(np.mean(flags)), 4)
