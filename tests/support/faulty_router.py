"""`semrouter serve` with an encoder that fails as a file says.

    python faulty_router.py PAGE FILE

While FILE is empty the encoder is the page's own.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import uvloop
from numpy.typing import NDArray

from semrouter_extproc.artefact import Artefact
from semrouter_extproc.assembly import load_encoder
from semrouter_extproc.config import Encoder as EncoderConfig
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.server import serve

Vectors = NDArray[np.float32]


def raises(_: Vectors) -> Vectors:
    raise RuntimeError("the encoder is broken on purpose")


FAULTS: Final[Mapping[str, Callable[[Vectors], Vectors]]] = {
    "": lambda vectors: vectors,
    "raises": raises,
    "gives NaN": lambda vectors: vectors * np.float32("nan"),
    "gives other dimensions": lambda vectors: vectors[:, ::2],
    "gives too few vectors": lambda vectors: vectors[:-1],
}


class FaultyEncoder:
    """An encoder that does what `command` holds to the vectors, or hangs while it says so."""

    def __init__(self, encoder: AnyEncoder, command: Path) -> None:
        self._encoder = encoder
        # Kept open, or it would be one of the things that fail once there are no descriptors.
        self._command = command.open("rb")
        self.fingerprint = encoder.fingerprint
        self.dimensions = encoder.dimensions
        self.workers = encoder.workers
        self.batch_cost = encoder.batch_cost

    def tokenize(self, texts: Sequence[str]) -> Sequence[Any]:
        return self._encoder.tokenize(texts)

    def encode(self, batch: Sequence[Any]) -> Vectors:
        while (fault := self._fault()) == "hangs":
            time.sleep(0.05)
        return FAULTS[fault](self._encoder.encode(batch))

    def _fault(self) -> str:
        return os.pread(self._command.fileno(), 100, 0).decode()


def main(page: Path, command: Path) -> None:
    def faulty(config: EncoderConfig, *artefacts: Artefact) -> AnyEncoder:
        return FaultyEncoder(load_encoder(config, *artefacts), command)

    uvloop.run(serve(page, encoder_of=faulty))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
