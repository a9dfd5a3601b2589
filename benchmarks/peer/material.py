"""What every contestant learns from: the same examples, and vectors of the same weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from peer.files import ARTEFACT, EXAMPLES, VECTORS

from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.encoding.offline import encode_texts
from semrouter_extproc.encoding.torch_encoder import TorchEncoder
from semrouter_extproc.workbench.backend.cache import default_cache, digest, prepared
from semrouter_extproc.workbench.examples import Example, ExampleFile
from semrouter_extproc.workbench.features import encoded
from semrouter_extproc.workbench.fit import fit_files
from semrouter_extproc.workbench.progress import Progress

_LEARNED: Final = "kernel ridge"
"""How the artefact was: one that was learned otherwise must not be found by the same key."""


def material(file: ExampleFile, examples: Sequence[Example], progress: Progress) -> Path:
    """Return a folder with `examples` of `file`, their vectors and an artefact fitted to them.

    It takes minutes the first time.
    """
    encoder = TorchEncoder(device="cpu", precision="float32")

    def build(folder: Path) -> None:
        rows = b"\n".join(map(msgspec.json.encode, examples))
        (folder / EXAMPLES).write_bytes(rows)
        progress.step(f"Encoding {len(examples):,} examples (once; minutes)")
        vectors = encoded([each.text for each in examples], encoder, progress)
        np.save(folder / VECTORS, vectors)
        known = dict(zip((each.text for each in examples), vectors, strict=True))
        recorded = _Recorded(encoder.fingerprint, encoder.dimensions, encoder, known)
        fit_files([folder / EXAMPLES], folder / ARTEFACT, recorded, progress=progress)

    key = digest(file.digest, str(len(examples)), encoder.fingerprint, _LEARNED)
    return prepared(default_cache() / f"peers-{key}", build, progress)


@dataclass(frozen=True, slots=True)
class _Recorded:
    """An encoder that knows the vectors of some texts, so that those are not encoded twice."""

    fingerprint: str
    dimensions: int
    encoder: AnyEncoder
    vectors: Mapping[str, NDArray[np.float32]]
    workers: int = 1
    batch_cost: int = 100_000

    def tokenize(self, texts: Sequence[str]) -> Sequence[str]:
        return texts

    def encode(self, batch: Sequence[str]) -> NDArray[np.float32]:
        new = [text for text in batch if text not in self.vectors]
        known = {**self.vectors, **dict(zip(new, encode_texts(self.encoder, new), strict=True))}
        return np.stack([known[text] for text in batch])
