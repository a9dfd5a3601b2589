"""The encoder for CPUs: a prepared sentence encoder in ONNX Runtime, in 8-bit integers."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from time import thread_time

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.encoding.calibration import cheapest_batch
from semrouter_extproc.encoding.encoder import unit_rows
from semrouter_extproc.encoding.network import Network
from semrouter_extproc.encoding.prepared import NETWORK, TOKENIZER, read_card, require_intact
from semrouter_extproc.encoding.tokens import TextTokenizer, TokenIds, load_tokenizer


class OnnxEncoder:
    """Sentence vectors from the prepared encoder in `folder`, `workers` batches at a time.

    Raises `EncoderUnavailable`.
    """

    def __init__(self, folder: Path, *, workers: int = 1) -> None:
        card = read_card(folder)
        require_intact(folder, card)
        self.fingerprint = card.fingerprint
        self.dimensions = card.dimensions
        self.workers = workers
        self._network = Network(folder / NETWORK, card.pooling)
        self.tokenize = TextTokenizer(
            load_tokenizer(folder / TOKENIZER), window=card.window, prefix=card.prefix
        )

    @property
    def description(self) -> str:
        """What runs here, for people."""
        return "onnx int8"

    @cached_property
    def batch_cost(self) -> int:
        """The tokens of a batch past which more gain nothing, measured when first asked."""
        return cheapest_batch(self, thread_time)

    def encode(self, batch: Sequence[TokenIds]) -> NDArray[np.float32]:
        """Return one unit vector per text, `[len(batch), dimensions]`. Raises EncodingFailed."""
        return unit_rows(self._network(batch))
