"""The prompts that traffic is made of."""

import asyncio
from collections.abc import Sequence
from itertools import compress
from operator import not_
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from semrouter_extproc.assembly import load_edition
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


def by_need_of_encoder(texts: Sequence[str], config: Config) -> tuple[Sequence[str], Sequence[str]]:
    """Return the texts that need the encoder, and those about which the static tier is sure."""
    ladder = Ladder(
        _no_encoder,
        load_edition(config).judge,
        deadline=1.0,
        cache_bytes=0,
        metrics=Metrics(CollectorRegistry()),
    )

    async def answer() -> Sequence[bool]:
        return [(await ladder.route(text)).rung is Rung.STATIC for text in texts]

    sure = asyncio.run(answer())
    return list(compress(texts, map(not_, sure))), list(compress(texts, sure))


async def _no_encoder(_: str) -> NDArray[np.float32]:
    raise Overloaded("there is no encoder")
