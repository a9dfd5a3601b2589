"""Many texts at once, for work that no request waits for."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.encoding.batches import sorted_batches
from semrouter_extproc.encoding.encoder import Encoder, Tokens


def encode_texts(
    encoder: Encoder[Tokens],
    texts: Sequence[str],
    *,
    on_batch: Callable[[int], object] = lambda _: None,
) -> NDArray[np.float32]:
    """Return the unit vectors of `texts`, `[len(texts), dimensions]`, in their order.

    `on_batch` is told the number of texts of every batch that is done. Raises `EncodingFailed`.
    """
    tokens = encoder.tokenize(texts)
    vectors = np.empty((len(texts), encoder.dimensions), np.float32)

    def encode(batch: list[int]) -> int:
        vectors[batch] = encoder.encode([tokens[index] for index in batch])
        return len(batch)

    batches = sorted_batches([len(each) for each in tokens], encoder.batch_cost)
    pool = ThreadPoolExecutor(encoder.workers)
    try:
        for done in as_completed([pool.submit(encode, batch) for batch in batches]):
            on_batch(done.result())
    finally:
        # Of a thousand batches, those after one that failed, or after Ctrl-C, are for nothing.
        pool.shutdown(cancel_futures=True)
    return vectors
