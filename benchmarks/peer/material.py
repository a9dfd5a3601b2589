"""What every contestant learns from: the same examples, and vectors of the same weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from peer.files import ARTEFACT, EXAMPLES, VECTORS

from semrouter_extproc.core.probes import PROBES
from semrouter_extproc.encoding.offline import encode_texts
from semrouter_extproc.encoding.torch_encoder import TorchEncoder
from semrouter_extproc.workbench.backend.cache import default_cache, digest, prepared
from semrouter_extproc.workbench.examples import Example, ExampleFile
from semrouter_extproc.workbench.fit import encode, fit_files
from semrouter_extproc.workbench.progress import Progress


def material(file: ExampleFile, examples: Sequence[Example], progress: Progress) -> Path:
    """Return a folder with `examples` of `file`, their vectors and an artefact fitted to them.

    It takes minutes the first time.
    """
    encoder = TorchEncoder(device="cpu", precision="float32")

    def build(folder: Path) -> None:
        rows = b"\n".join(map(msgspec.json.encode, examples))
        (folder / EXAMPLES).write_bytes(rows)
        progress.step(f"Encoding {len(examples):,} examples (once; minutes)")
        vectors = encode(examples, encoder, progress)
        np.save(folder / VECTORS, vectors)
        known = dict(zip((each.text for each in examples), vectors, strict=True))
        known |= zip(PROBES, encode_texts(encoder, PROBES), strict=True)
        recorded = _Recorded(encoder.fingerprint, encoder.dimensions, known)
        fit_files([folder / EXAMPLES], folder / ARTEFACT, recorded, progress=progress)

    key = digest(file.digest, str(len(examples)), encoder.fingerprint)
    return prepared(default_cache() / f"peers-{key}", build, progress)


@dataclass(frozen=True, slots=True)
class _Recorded:
    """An encoder that knows the vectors of some texts, so that none is encoded twice."""

    fingerprint: str
    dimensions: int
    vectors: Mapping[str, NDArray[np.float32]]
    description: str = "recorded vectors"
    workers: int = 1
    batch_cost: int = 1_000_000

    def tokenize(self, texts: Sequence[str]) -> Sequence[str]:
        return texts

    def encode(self, batch: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self.vectors[text] for text in batch])
