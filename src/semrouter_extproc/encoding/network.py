"""A sentence graph at work in ONNX Runtime."""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.encoding.bert import INSTALL
from semrouter_extproc.encoding.tokens import TokenIds, rectangle
from semrouter_extproc.encoding.weights import first_line
from semrouter_extproc.errors import EncoderUnavailable

if TYPE_CHECKING:
    import onnxruntime

Pooling = Literal["mean", "cls"]

PREPARE_AGAIN: Final = "prepare it again: semrouter encoder export --out FOLDER"


class Network:
    """Runs the graph that `bert.sentence_graph` describes. Threads may share it.

    Every call computes in the thread that makes it: batches at the same time use several cores
    better than one batch spread over them, whose threads wait for each other at every operator.
    """

    def __init__(self, graph: Path | bytes, pooling: Pooling) -> None:
        self._session = _session(graph)
        self._pooling = pooling

    def __call__(self, batch: Sequence[TokenIds]) -> NDArray[np.float32]:
        """Return the vectors of tokenized texts, `[N, D]`, not of unit length."""
        ids, lengths = rectangle(batch)
        pooling = pooling_weights(lengths, ids.shape[1], self._pooling)
        inputs = {"input_ids": ids, "lengths": lengths, "pooling": pooling}
        (vectors,) = self._session.run(None, inputs)
        found: NDArray[np.float32] = vectors[:, 0]
        return found


def pooling_weights(
    lengths: NDArray[np.int32], longest: int, pooling: Pooling
) -> NDArray[np.float32]:
    """Return what each token counts in the vector of its text, `[N, 1, longest]`."""
    places = np.arange(longest)
    counted = np.ones_like(lengths) if pooling == "cls" else lengths
    inside = places < counted[:, None]
    rows = inside / counted[:, None]
    return rows[:, None, :].astype(np.float32)


def require_onnxruntime() -> None:
    """Raise `EncoderUnavailable` unless ONNX Runtime is installed."""
    if find_spec("onnxruntime") is None:
        raise EncoderUnavailable(f"onnxruntime is missing; {INSTALL}")


def _session(graph: Path | bytes) -> "onnxruntime.InferenceSession":
    require_onnxruntime()
    # It would report its use to its maker, by a thread of its own, and keep an identity on disk.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    # An extra, which takes half a second to import.
    import onnxruntime  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(
            graph if isinstance(graph, bytes) else str(graph),
            options,
            providers=["CPUExecutionProvider"],
        )
    except Exception as error:  # its exceptions share no base class
        where = "the graph" if isinstance(graph, bytes) else str(graph)
        raise EncoderUnavailable(
            f"{where} cannot be loaded: {first_line(error)}; {PREPARE_AGAIN}"
        ) from error
