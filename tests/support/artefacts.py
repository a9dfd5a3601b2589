"""Artefacts of a few numbers that a test can know by heart."""

from dataclasses import replace

import numpy as np
from msgspec import structs

from semrouter_extproc.artefact import (
    Artefact,
    Judgement,
    Meta,
    Provenance,
    Source,
    StaticJudgement,
    StaticMeta,
)
from semrouter_extproc.core.centroids import SCOPE_SHARES, Centroids
from semrouter_extproc.core.kernel import KernelModel
from semrouter_extproc.core.ngrams import BUCKETS, NgramModel
from semrouter_extproc.core.probes import PROBES
from semrouter_extproc.core.static import StaticModel


def exact_ngrams() -> NgramModel:
    """Return n-grams whose numbers are exact in half precision."""
    weights = np.arange(2 * BUCKETS, dtype=np.float32).reshape(BUCKETS, 2) % np.float32(64)
    return NgramModel(np.full(BUCKETS, 1.5, np.float32), weights)


def centroids() -> Centroids:
    """Return centroids of which every number is exact in half precision, or kept in full."""
    return Centroids(
        labels=("law", "math"),
        model=KernelModel(
            landmarks=np.eye(3, dtype=np.float32),
            weights=np.array([[1 / 3, -1 / 3], [-0.1, 0.1], [0.7, 1e-6]], np.float32),
            offset=np.array([0.2, -0.2], np.float32),
            ngrams=exact_ngrams(),
            sharpness=2.5,
        ),
        owners=np.array([0, 1, 1]),
        temperature=0.75,
        scope=np.linspace([0.1, 0.3], [0.9, 1.1], len(SCOPE_SHARES), axis=1).astype(np.float32),
    )


def artefact(known: Centroids | None = None) -> Artefact:
    """Return `known`, or a few centroids, with what belongs to them."""
    known = known or centroids()
    landmarks, dimensions = known.model.landmarks.shape
    judgement = Judgement(rows=10, accuracy=0.9, macro_f1=0.9, log_loss=0.3, ece=0.02)
    provenance = Provenance(
        command="semrouter fit",
        origin="our own",
        licence="Apache-2.0",
        sources=(Source("prompts.jsonl", "0" * 64, 10),),
        precision="float32",
        categories={"law": 4, "math": 6},
        cross_validation=judgement,
        held_out=None,
        refitted=False,
    )
    meta = Meta(
        labels=known.labels,
        encoder="tiny@sha256:0123456789abcdef",
        dimensions=dimensions,
        sharpness=known.model.sharpness,
        temperature=known.temperature,
        landmarks=tuple(f"row/{number}" for number in range(landmarks)),
        provenance=provenance,
    )
    probes = np.eye(dimensions, dtype=np.float32)[np.arange(len(PROBES)) % dimensions]
    seen = np.array([3, 2**64 - 1], np.uint64)
    return Artefact(centroids=known, probes=probes, seen=seen, meta=meta)


def with_static_tier() -> Artefact:
    """Return the same with a static tier."""
    judged = StaticJudgement(rows=10, answered=0.5, differ=0.0, accuracy=0.9, encoder_accuracy=0.9)
    known = StaticMeta(temperature=0.5, bar=0.9, cross_validation=judged, held_out=None)
    bare = artefact()
    static = StaticModel(
        labels=bare.meta.labels,
        ngrams=exact_ngrams(),
        temperature=0.5,
        bar=0.9,
    )
    return replace(bare, meta=structs.replace(bare.meta, static=known), static=static)
