"""What the encoders cost, and what the fast ones lose: time, cosine, accuracy.

Everything runs on one thread and the variants take turns, a few prompts each; the figure is CPU
time beside that of sentence-transformers in full precision, which is its default. Centroids are
learned in full precision on the rows that are not held out; accuracy is that of every encoder's
vectors of the held-out rows. Writes `results/encoders.json`, `.md` and `.svg`.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from time import process_time
from typing import Final

import numpy as np
import torch
from classification import machine
from encoders_report import EncoderRow, Results, draw, markdown
from interleaved import take_turns
from learned import Questions, learned, questions, with_vectors
from numpy.typing import NDArray
from results_files import publish
from rich.console import Console
from sentence_transformers import SentenceTransformer

from semrouter_extproc.encoding.encoder import Encoder
from semrouter_extproc.encoding.local import prepared_in_cache
from semrouter_extproc.encoding.offline import encode_texts
from semrouter_extproc.encoding.onnx_encoder import OnnxEncoder
from semrouter_extproc.encoding.tokens import TokenIds
from semrouter_extproc.encoding.torch_encoder import TorchEncoder
from semrouter_extproc.encoding.weights import DEFAULT_MODEL, folder_of
from semrouter_extproc.workbench.features import Vectors, encoded
from semrouter_extproc.workbench.fit import classified
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.rows import Rows, labelled
from semrouter_extproc.workbench.scores import judge
from semrouter_extproc.workbench.waiting import waiting_on

ROUNDS: Final = 40
PROMPTS_A_ROUND: Final = 8
BASELINE: Final = "sentence-transformers, float32"
EXACT: Final = "torch, float32"
FAST: Final = "ONNX Runtime, int8"
IN_BATCHES: Final = ", in batches"

Encoders = Mapping[str, Encoder[TokenIds]]


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data", type=Path, help="folder that holds examples/mmlu_pro.jsonl.gz", metavar="DATA"
    )
    parser.add_argument("--every", type=int, default=1, help="take only every so many rows")
    arguments = parser.parse_args()
    console = Console()
    with waiting_on(console) as progress:
        results = measure(questions(arguments.data, every=arguments.every), progress)
    publish("encoders", results, markdown(results), console)
    draw(results)


def measure(asked: Questions, progress: Progress) -> Results:
    """Learn from the known questions and return every figure of the held-out ones."""
    encoders: Encoders = {
        EXACT: TorchEncoder(device="cpu", precision="float32"),
        "torch, bfloat16": TorchEncoder(device="cpu", precision="bfloat16"),
        FAST: OnnxEncoder(prepared_in_cache(DEFAULT_MODEL)),
    }
    centroids = learned(asked.known, asked.labels, encoders[EXACT], progress).centroids
    judged = dict(by_encoder(asked, encoders, progress))
    quality = {
        name: (
            cosine(rows.features.vectors, judged[EXACT].features.vectors),
            judge(classified(rows.features, centroids), rows.truth).accuracy,
        )
        for name, rows in judged.items()
    }
    progress.step("Measuring time, the variants in turn")
    count = ROUNDS * PROMPTS_A_ROUND
    texts = [row.text for row in asked.held_out[:: max(len(asked.held_out) // count, 1)]][:count]
    seconds = time_in_turns(encoders, texts)
    return Results(
        machine=machine(),
        prompts=len(asked.held_out),
        tokens=round(float(np.mean([len(each) for each in encoders[EXACT].tokenize(texts)])), 1),
        batch_cost=encoders[FAST].batch_cost,
        rows=list(rows_of(seconds, quality)),
    )


def by_encoder(
    asked: Questions, encoders: Encoders, progress: Progress
) -> Iterator[tuple[str, Rows]]:
    """Yield the held-out questions as each encoder sees them, the exact one first."""
    exact = labelled(asked.held_out, asked.labels, encoders[EXACT], progress)
    yield EXACT, exact
    texts = [row.text for row in asked.held_out]
    for name, encoder in encoders.items():
        if name != EXACT:
            progress.step(f"Encoding held-out prompts: {name}")
            yield name, with_vectors(exact, encoded(texts, encoder, progress))


def cosine(vectors: Vectors, exact: Vectors) -> float:
    """Return the mean cosine between the rows."""
    return round(float(np.sum(vectors * exact, axis=1).mean()), 4)


def time_in_turns(encoders: Encoders, texts: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Return every variant's CPU seconds per prompt, `[ROUNDS]`; all get the same prompts."""
    torch.set_num_threads(1)
    default = SentenceTransformer(str(folder_of(DEFAULT_MODEL)), device="cpu")
    variants: dict[str, Callable[[list[str]], object]] = {
        BASELINE: lambda batch: [default.encode(text, show_progress_bar=False) for text in batch],
        BASELINE + IN_BATCHES: lambda batch: default.encode(batch, show_progress_bar=False),
        **{name: one_by_one(encoder) for name, encoder in encoders.items()},
        FAST + IN_BATCHES: lambda batch: encode_texts(encoders[FAST], batch),
    }
    size = PROMPTS_A_ROUND
    batches = [list(texts[start : start + size]) for start in range(0, len(texts), size)]
    actions = {name: one_after_another(variant, batches) for name, variant in variants.items()}
    taken = take_turns(actions, rounds=ROUNDS, clock=process_time)
    return {name: seconds / size for name, seconds in taken.items()}


def one_by_one(encoder: Encoder[TokenIds]) -> Callable[[list[str]], object]:
    """Return what tokenizes and encodes one text after the other."""
    return lambda texts: [encoder.encode(encoder.tokenize([text])) for text in texts]


def one_after_another(
    variant: Callable[[list[str]], object], batches: Sequence[list[str]]
) -> Callable[[], object]:
    """Return what gives `variant` the next batch whenever it is called."""
    turns = cycle(batches)
    return lambda: variant(next(turns))


def rows_of(
    seconds: Mapping[str, NDArray[np.float64]], quality: Mapping[str, tuple[float, float]]
) -> Iterator[EncoderRow]:
    """Yield a row for each variant; those of sentence-transformers are exact."""
    for name, taken in seconds.items():
        turned, right = quality.get(name.removesuffix(IN_BATCHES), quality[EXACT])
        yield EncoderRow(
            name=name,
            cpu_ms=round(float(np.median(taken)) * 1e3, 2),
            quick_ms=round(float(np.quantile(taken, 0.1)) * 1e3, 2),
            ratio=round(float(np.median(taken / seconds[BASELINE])), 3),
            cosine=turned,
            accuracy=right,
        )


if __name__ == "__main__":
    main()
