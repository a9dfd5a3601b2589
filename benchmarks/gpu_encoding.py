"""How fast a device encodes, by the size of a batch, and which ways to feed it pay."""

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import numpy as np
import torch
from gpu_report import Budget
from sentence_transformers import SentenceTransformer

from semrouter_extproc.encoding.batches import sorted_batches
from semrouter_extproc.encoding.tokens import TokenIds, rectangle
from semrouter_extproc.encoding.torch_encoder import TorchEncoder

WARM_UP_BATCHES: Final = 3

Batch = Sequence[TokenIds]
Features = dict[str, torch.Tensor]
Encode = Callable[[Batch], object]


class Network:
    """An encoder's network, fed by hand."""

    def __init__(self, folder: Path, device: str, precision: torch.dtype) -> None:
        self._model = SentenceTransformer(
            str(folder), device=device, model_kwargs={"dtype": precision}
        )
        self.device = self._model.device
        self.forward: Callable[[Features], torch.Tensor] = self._forward

    def _forward(self, features: Features) -> torch.Tensor:
        with torch.inference_mode():
            vectors: torch.Tensor = self._model(dict(features))["sentence_embedding"]
        return vectors

    def compile(self) -> None:
        """Let torch compile the network: the first batch of each shape takes long from now on."""
        self._model[0].auto_model = torch.compile(self._model[0].auto_model, dynamic=True)

    def features(self, batch: Batch, *, pinned: bool = False) -> Features:
        """Return what the network takes, on its device."""
        return {
            name: self._moved(torch.from_numpy(array), pinned=pinned)
            for name, array in arrays(batch).items()
        }

    def _moved(self, tensor: torch.Tensor, *, pinned: bool) -> torch.Tensor:
        if pinned:
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)

    def encode(self, batch: Batch) -> object:
        """Encode as `TorchEncoder` does."""
        return self.forward(self.features(batch)).float().cpu()

    def encode_pinned(self, batch: Batch) -> object:
        """Encode from memory that the device reads by itself."""
        return self.forward(self.features(batch, pinned=True)).float().cpu()

    def recorded(self, batch: Batch) -> Encode:
        """Return what encodes batches of this one's shape by replaying a CUDA graph."""
        held = self.features(batch)
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP_BATCHES):
                self.forward(held)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            vectors = self.forward(held)

        def encode(batch: Batch) -> object:
            for name, array in arrays(batch).items():
                held[name].copy_(torch.from_numpy(array))
            graph.replay()
            return vectors.float().cpu()

        return encode


def arrays(batch: Batch) -> dict[str, np.ndarray[Any, np.dtype[np.int64]]]:
    """Return token numbers and mask, padded."""
    ids, lengths = rectangle(batch)
    mask = np.arange(ids.shape[1]) < lengths[:, None]
    return {"input_ids": ids, "attention_mask": mask.astype(np.int64)}


def bucketed(tokens: Batch, budget: int) -> list[Batch]:
    """Return batches of like lengths, in a random order."""
    found = [
        [tokens[index] for index in batch]
        for batch in sorted_batches([len(each) for each in tokens], budget)
    ]
    np.random.default_rng(0).shuffle(found)
    return list(found)


def as_they_come(tokens: Batch, budget: int) -> Iterator[Batch]:
    """Yield batches in the order of arrival, within the same budget."""
    batch: list[TokenIds] = []
    for each in tokens:
        longest = max(map(len, (*batch, each)))
        if batch and longest * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(each)
    yield batch


def sweep(
    encoder: TorchEncoder, network: Network, tokens: Batch, budgets: Sequence[int], seconds: float
) -> tuple[Budget, ...]:
    """Measure the encoder at every batch budget, beside the network alone."""
    rows = []
    for budget in budgets:
        batches = bucketed(tokens, budget)
        moved = [network.features(batch) for batch in batches]
        rate, latency = pace(encoder.encode, batches, seconds)
        rows.append(
            Budget(
                tokens=budget,
                texts=float(np.mean([len(batch) for batch in batches])),
                rate=rate,
                latency_ms=latency * 1e3,
                limit=limit(network, moved, [len(batch) for batch in batches], seconds),
            )
        )
    return tuple(rows)


def pace(encode: Encode, batches: Sequence[Batch], seconds: float) -> tuple[float, float]:
    """Return texts per second, and the median seconds of a batch."""
    for batch in batches[:WARM_UP_BATCHES]:
        encode(batch)
    texts, times = 0, []
    began = perf_counter()
    for batch in cycle(batches):
        started = perf_counter()
        if started > began + seconds:
            break
        encode(batch)
        times.append(perf_counter() - started)
        texts += len(batch)
    return texts / (perf_counter() - began), float(np.median(times))


def limit(
    network: Network, moved: Sequence[Features], sizes: Sequence[int], seconds: float
) -> float:
    """Return texts per second of the network alone: no copies, and no waiting between batches."""
    texts = 0
    for features in moved[:WARM_UP_BATCHES]:
        network.forward(features)
    synchronize(network.device)
    began = perf_counter()
    for features, size in cycle(zip(moved, sizes, strict=True)):
        network.forward(features)
        texts += size
        if texts % (16 * size) == 0:
            synchronize(network.device)  # or the queue of work would grow for ever
        if perf_counter() > began + seconds:
            break
    synchronize(network.device)
    return texts / (perf_counter() - began)


def synchronize(device: torch.device) -> None:
    """Wait for all work on the device."""
    if device.type == "cuda":
        torch.cuda.synchronize()
