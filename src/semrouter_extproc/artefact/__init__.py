"""The folder that holds what `fit` learned."""

from semrouter_extproc.artefact.folder import BUILT_IN, Artefact, load, resolve, save
from semrouter_extproc.artefact.matching import require_encoder, require_likeness
from semrouter_extproc.artefact.meta import (
    Judgement,
    Meta,
    Provenance,
    Source,
    StaticJudgement,
    StaticMeta,
)

__all__ = [
    "BUILT_IN",
    "Artefact",
    "Judgement",
    "Meta",
    "Provenance",
    "Source",
    "StaticJudgement",
    "StaticMeta",
    "load",
    "require_encoder",
    "require_likeness",
    "resolve",
    "save",
]
