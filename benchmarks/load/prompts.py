"""The prompts that traffic is made of."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from semrouter_extproc.artefact import Artefact
from semrouter_extproc.config import Config
from semrouter_extproc.errors import Overloaded
from semrouter_extproc.ladder import Ladder
from semrouter_extproc.observe.metrics import Metrics, Rung
from semrouter_extproc.workbench.examples import read_examples
from semrouter_extproc.workbench.fit import is_held_out


def held_out(data: Path) -> Sequence[str]:
    """Return the MMLU-Pro questions that nothing was learned from."""
    (file,) = read_examples([data / "examples" / "mmlu_pro.jsonl.gz"])
    return [row.text for row in file.examples if is_held_out(row.id)]


def sure_without_encoder(
    texts: Sequence[str], config: Config, artefact: Artefact
) -> Sequence[bool]:
    """Say for each text whether the static tier is sure about it."""
    ladder = Ladder(
        _no_encoder,
        centroids=artefact.centroids,
        static=artefact.static,
        policy=config.rules(artefact.centroids.labels).policy,
        deadline=1.0,
        cache_bytes=0,
        metrics=Metrics(CollectorRegistry()),
    )

    async def rungs() -> Sequence[bool]:
        return [(await ladder.route(text)).rung is Rung.STATIC for text in texts]

    return asyncio.run(rungs())


async def _no_encoder(_: str) -> NDArray[np.float32]:
    raise Overloaded("there is no encoder")
