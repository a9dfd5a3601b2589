"""One decision, explained: scores, nearest examples, thresholds, and the body that would go on."""

from collections.abc import Sequence

import msgspec
import numpy as np
from prometheus_client import CollectorRegistry

from semrouter_extproc.assembly import Edition, router_over
from semrouter_extproc.core.apis import Api
from semrouter_extproc.core.classify import Classification
from semrouter_extproc.core.policy import Decision
from semrouter_extproc.errors import MalformedRequest
from semrouter_extproc.ladder import Submit, Vector
from semrouter_extproc.observe.metrics import Metrics, Rung

_NEAREST = 3


class Score(msgspec.Struct, frozen=True):
    """A category and its probability."""

    category: str
    probability: float


class Example(msgspec.Struct, frozen=True):
    """An example that was learned from, by its id, and how like the prompt it is: 0 to 1."""

    id: str
    category: str
    likeness: float


class Likeness(msgspec.Struct, frozen=True):
    """How like the examples a prompt is. `needed` is None where any familiarity will do."""

    familiarity: float
    needed: float | None
    nearest: Sequence[Example]


class Explanation(msgspec.Struct, frozen=True):
    """What happens to a request, and why.

    `text` is what of it is classified, `rung` who found the route. `lead` is by how much
    probability the best route leads, of which `min_margin` is needed. `likeness` is None for a
    prompt that was not encoded. `body` is what would go to the model.
    """

    decision: Decision
    text: str
    rung: Rung | None
    lead: float | None
    min_margin: float
    scores: Sequence[Score]
    likeness: Likeness | None
    body: str


async def explain(
    edition: Edition, submit: Submit, body: bytes, api: Api, *, header: str | None = None
) -> Explanation:
    """Decide about a request as `edition` does, uncounted and from no cache.

    `submit` gives the vectors of texts; `header` is what the client's `x-reasoning` says. Raises
    `MalformedRequest` for a request that would be refused.
    """
    vectors: dict[str, Vector] = {}

    async def remembered(text: str) -> Vector:
        vectors[text] = await submit(text)
        return vectors[text]

    router = router_over(remembered, edition, Metrics(CollectorRegistry()))
    routing = await router.route(body, api, header=header)
    if routing.refusal is not None:
        raise MalformedRequest(routing.refusal)
    found, vector = routing.classification, vectors.get(routing.text)
    return Explanation(
        decision=routing.decision,
        text=routing.text,
        rung=routing.rung,
        lead=routing.lead,
        min_margin=edition.config.classifier.min_margin,
        scores=_scores(found, edition),
        likeness=None if found is None or vector is None else _likeness(found, vector, edition),
        body=(body if routing.body is None else routing.body).decode("utf-8", "replace"),
    )


def _scores(found: Classification | None, edition: Edition) -> Sequence[Score]:
    if found is None:
        return []
    labels = edition.artefact.centroids.labels
    scores = map(Score, labels, found.probabilities.tolist())
    return sorted(scores, key=lambda score: -score.probability)


def _likeness(found: Classification, vector: Vector, edition: Edition) -> Likeness | None:
    if found.familiarity is None:
        return None
    centroids, ids = edition.artefact.centroids, edition.artefact.meta.landmarks
    likeness = centroids.model.likeness(vector)
    share = edition.config.classifier.out_of_scope
    return Likeness(
        familiarity=found.familiarity,
        needed=float(centroids.familiarity_bars(share)[found.index]) if share else None,
        nearest=[
            Example(ids[at], centroids.labels[centroids.owners[at]], float(likeness[at]))
            for at in np.argsort(-likeness)[:_NEAREST].tolist()
        ],
    )
