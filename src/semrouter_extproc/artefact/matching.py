"""Whether an encoder goes with centroids: by its weights, or by its vectors of a few texts."""

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.artefact.folder import Artefact
from semrouter_extproc.core.probes import ALIKE, likeness
from semrouter_extproc.errors import ArtefactError


def require_encoder(artefact: Artefact, fingerprint: str, dimensions: int) -> None:
    """Raise ArtefactError unless the centroids were fitted on this encoder's vectors."""
    meta = artefact.meta
    if (meta.encoder, meta.dimensions) != (fingerprint, dimensions):
        raise ArtefactError(
            f"the centroids were fitted with encoder {meta.encoder} ({meta.dimensions} "
            f"dimensions), but the configured encoder is {fingerprint} ({dimensions} "
            "dimensions); configure that encoder, or fit centroids with this one: semrouter fit"
        )


def require_likeness(artefact: Artefact, vectors: NDArray[np.float32], fingerprint: str) -> None:
    """Raise ArtefactError unless an encoder's vectors of `PROBES` are those of the fit."""
    meta = artefact.meta
    if vectors.shape != artefact.probes.shape:
        raise ArtefactError(
            f"the centroids have {meta.dimensions} dimensions, the vectors of encoder "
            f"{fingerprint} {vectors.shape[-1]}; configure the encoder that they were fitted "
            f"with, {meta.encoder}, or fit centroids with this one: semrouter fit"
        )
    cosine = likeness(vectors, artefact.probes)
    if not cosine >= ALIKE:
        raise ArtefactError(
            f"the centroids were fitted with encoder {meta.encoder}, and the vectors of "
            f"{fingerprint} point elsewhere (cosine {cosine:.3f}, at least {ALIKE} is needed); "
            "check its weights, its pooling and what it puts before a text, or fit centroids "
            "with this one: semrouter fit"
        )
