"""From a page of configuration to a router: what is loaded, checked and put together."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from semrouter_extproc.artefact import Artefact, load, require_encoder, require_likeness, resolve
from semrouter_extproc.config import Config
from semrouter_extproc.config import Encoder as EncoderConfig
from semrouter_extproc.config import RemoteEncoder as RemoteConfig
from semrouter_extproc.config import load as load_page
from semrouter_extproc.core.judge import Judge
from semrouter_extproc.core.probes import PROBES
from semrouter_extproc.core.rules import Rules
from semrouter_extproc.encoding.batcher import Batcher
from semrouter_extproc.encoding.cores import usable_cores
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.encoding.local import local_encoder
from semrouter_extproc.encoding.offline import encode_texts
from semrouter_extproc.encoding.remote_encoder import RemoteEncoder
from semrouter_extproc.errors import ConfigError
from semrouter_extproc.ladder import Ladder, Submit
from semrouter_extproc.observe.metrics import Metrics
from semrouter_extproc.router import SemanticRouter

_PATIENCE: Final = 0.5
"""The share of the deadline that a prompt may be expected to wait.

The rest is for encoding it, and for the expectation to be wrong: where the cores are busy, a larger
share classifies no more prompts, and more answers come too late.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Edition:
    """A page with all that it names, loaded: what a request is decided by, from first to last."""

    config: Config
    artefact: Artefact
    rules: Rules
    shadow: "Edition | None" = None

    @property
    def artefacts(self) -> tuple[Artefact, ...]:
        """Every artefact that judges by the encoder's vectors."""
        return (self.artefact, *(self.shadow.artefacts if self.shadow else ()))

    @property
    def judge(self) -> Judge:
        """What this edition says about texts."""
        return Judge(
            centroids=self.artefact.centroids,
            static=self.artefact.static if self.config.classifier.static_tier else None,
            policy=self.rules.policy,
            learned=self.rules.learned,
        )


def load_edition(config: Config) -> Edition:
    """Load what `config` names, and compile it. Raises `ConfigError` and `ArtefactError`."""
    artefact = load(resolve(config.classifier.centroids))
    centroids, strange = artefact.centroids, config.classifier.out_of_scope
    bars = centroids.familiarity_bars(strange)
    rules = config.rules(centroids.labels, bars, artefact.outcomes)
    shadow = None if config.shadow is None else _load_shadow(config.shadow, config)
    _warm_up(artefact)
    return Edition(config, artefact, rules, shadow)


def _warm_up(artefact: Artefact) -> None:
    """Have kernel models lay out their landmarks, or the first prompt would wait for it."""
    learned = artefact.outcomes.model if artefact.outcomes else None
    for model in filter(None, (artefact.centroids.model, learned)):
        model.likeness(model.landmarks[0])


def _load_shadow(path: Path, config: Config) -> Edition:
    page = load_page(path)
    if page.shadow is not None:
        raise ConfigError(str(path), ["shadow: a shadow has no shadow of its own"])
    if page.encoder != config.encoder:
        raise ConfigError(
            str(path), ["encoder: a shadow judges by the same vectors, so must be the same section"]
        )
    return load_edition(page)


def load_encoder(config: EncoderConfig, *artefacts: Artefact) -> AnyEncoder:
    """Load the encoder and warm it up, refusing one that does not go with the centroids.

    Takes seconds. Raises `EncoderUnavailable`, `EncodingFailed` and `ArtefactError`.
    """
    if config.remote is not None:
        encoder: AnyEncoder = _remote(config.model, config.remote)
    else:
        workers = config.threads or usable_cores()
        encoder = local_encoder(
            config.model, backend=config.backend, device=config.device, workers=workers
        )
    require_match(config, encoder, *artefacts)
    return encoder


def require_match(config: EncoderConfig, encoder: AnyEncoder, *artefacts: Artefact) -> None:
    """Refuse an encoder, loaded from `config`, that does not go with the centroids.

    Raises `EncodingFailed` and `ArtefactError`.
    """
    probed = encode_texts(encoder, PROBES)
    for artefact in artefacts:
        if config.remote is None:
            require_encoder(artefact, encoder.fingerprint, encoder.dimensions)
        require_likeness(artefact, probed, encoder.fingerprint)


def _remote(model: str, config: RemoteConfig) -> RemoteEncoder:
    api_key = secret("encoder.remote.api_key_env", config.api_key_env)
    return RemoteEncoder(config.url, model, deadline=config.deadline, api_key=api_key)


def secret(key: str, variable: str | None) -> str | None:
    """Return what the environment variable holds that the page names at `key`.

    None where the page names none. Raises `ConfigError` for a variable that is not set.
    """
    if variable is None:
        return None
    value = os.environ.get(variable, "").strip()
    if not value:
        raise ConfigError(
            "configuration", [f"{key}: the environment variable {variable} is not set"]
        )
    return value


@asynccontextmanager
async def running_batcher(
    config: Config, encoder: AnyEncoder, metrics: Metrics
) -> AsyncIterator[Submit]:
    """Run the batcher of `config`; what it gives turns a text into its vector."""
    batcher = Batcher(
        encoder,
        max_cost=config.encoder.max_batch_tokens or encoder.batch_cost,
        max_queue=config.encoder.max_queue,
        patience=_PATIENCE * config.server.deadline,
        on_batch=metrics.encoded,
    )
    metrics.watch_queue(lambda: batcher.depth)
    try:
        yield batcher.submit
    finally:
        await batcher.aclose()


def router_over(submit: Submit, edition: Edition, metrics: Metrics) -> SemanticRouter:
    """Return the router of an edition; `submit` gives the vectors of texts."""
    config, shadow = edition.config, edition.shadow
    ladder = Ladder(
        submit,
        edition.judge,
        shadow=shadow.judge if shadow else None,
        deadline=config.server.deadline,
        cache_bytes=config.classifier.cache,
        metrics=metrics,
    )
    return SemanticRouter(ladder, rules=edition.rules, metrics=metrics)
