"""How well prompts are placed, and what that means for switching reasoning on and off.

Settings are chosen and centroids learned on the rows that are not held out; every figure is
from the held-out rows. Writes `results/classification.json` and `results/classification.md`.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version
from itertools import repeat
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final, TypeVar

import numpy as np
from classification_tables import MarginRow, Method, Results, markdown
from learned import Learned, learned, questions, with_vectors
from numpy.typing import NDArray
from results_files import publish
from rich.console import Console

from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.core.classify import Classification, classify, probabilities_of
from semrouter_extproc.core.ngrams import buckets_of
from semrouter_extproc.core.policy import PAPER_POLICY, Policy, Reason, Route
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.encoding.local import prepared_in_cache
from semrouter_extproc.encoding.onnx_encoder import OnnxEncoder
from semrouter_extproc.encoding.torch_encoder import TorchEncoder
from semrouter_extproc.encoding.weights import DEFAULT_MODEL
from semrouter_extproc.workbench.choose import fitting_temperature
from semrouter_extproc.workbench.features import Indices, encoded
from semrouter_extproc.workbench.fit import classified
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.rows import Rows, labelled
from semrouter_extproc.workbench.scores import judge, wilson
from semrouter_extproc.workbench.waiting import waiting_on

MARGINS: Final = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)

Probabilities = NDArray[np.float64]
T = TypeVar("T")


def main() -> None:
    """Run everything and write the two files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data", type=Path, help="folder that holds examples/mmlu_pro.jsonl.gz", metavar="DATA"
    )
    arguments = parser.parse_args()
    console = Console()
    with waiting_on(console) as progress:
        results = measure(arguments.data, progress)
    publish("classification", results, markdown(results), console)


def measure(data: Path, progress: Progress) -> Results:
    """Choose and learn on the rows that are not held out, judge on those that are."""
    asked = questions(data)
    texts = [row.text for row in asked.held_out]
    encoder = TorchEncoder(device="cpu", precision="float32")
    ours = learned(asked.known, asked.labels, encoder, progress)
    judged = labelled(asked.held_out, asked.labels, encoder, progress)
    progress.step("Encoding held-out prompts in 8-bit integers")
    fast = OnnxEncoder(prepared_in_cache(DEFAULT_MODEL))
    coarse = with_vectors(judged, encoded(texts, fast, progress))
    progress.step("Measuring time")
    ngrams_us, buckets = timed(buckets_of, ((text,) for text in texts))
    seen = zip(judged.features.vectors, buckets, repeat(ours.centroids))
    classify_us, found = timed(classify, seen)
    return Results(
        data_sha256=asked.digest,
        encoder=encoder.fingerprint,
        rows_learned_from=len(asked.known),
        settings=ours.choice.settings,
        temperature=round(ours.choice.temperature, 4),
        methods=tuple(methods(ours, judged, coarse)),
        margins=tuple(margin_rows(found, ours.centroids, judged.truth)),
        machine=machine(),
        ngrams_us=ngrams_us,
        classify_us=classify_us,
    )


def methods(ours: Learned, judged: Rows, coarse: Rows) -> Iterator[Method]:
    """Yield every way to place held-out prompts; `coarse` are the same in 8-bit integers."""
    known, centroids = ours.lessons.rows, ours.centroids
    landmarks, name = len(centroids.owners), "landmarks and n-grams"
    yield method("one mean per category", len(known.labels), by_means(judged, known), judged)
    yield method(name, landmarks, classified(judged.features, centroids), judged)
    yield method(
        f"{name}, encoder in 8-bit integers",
        landmarks,
        classified(coarse.features, centroids),
        judged,
    )


def by_means(judged: Rows, known: Rows) -> Probabilities:
    """Place prompts by the cosine to each category's mean, at the temperature that suits it."""
    vectors, count = known.features.vectors, len(known.labels)
    means = np.stack([vectors[known.truth == index].mean(axis=0) for index in range(count)])
    # In the standard deviations of random directions, so that temperatures are near 1.
    columns = (means / np.linalg.norm(means, axis=1, keepdims=True)).T * vectors.shape[1] ** 0.5
    temperature = fitting_temperature((vectors @ columns).astype(np.float64), known.truth)
    return probabilities_of((judged.features.vectors @ columns).astype(np.float64), temperature)


def method(name: str, landmarks: int, probabilities: Probabilities, judged: Rows) -> Method:
    """Judge the probabilities, `[N, C]`, of held-out prompts."""
    taken, truth = probabilities.argmax(axis=1), judged.truth
    wanted = reasons(judged.labels)
    return Method(
        name=name,
        landmarks=landmarks,
        judgement=judge(probabilities, truth),
        interval=wilson(int((taken == truth).sum()), len(truth)),
        switch_accuracy=share(wanted[taken] == wanted[truth]),
    )


def reasons(labels: tuple[str, ...]) -> NDArray[np.bool_]:
    """Say for each category whether the default policy reasons about it."""
    return np.array([PAPER_POLICY[label] is Reasoning.ON for label in labels])


def margin_rows(
    found: Sequence[Classification], centroids: Centroids, truth: Indices
) -> Iterator[MarginRow]:
    """Yield what the default policy does at each margin."""
    wanted = reasons(centroids.labels)[truth]
    for margin in MARGINS:
        policy = default_policy(centroids.labels, margin)
        choices = [policy.choose(row) for row in found]
        on = np.array([choice.route.reasoning is Reasoning.ON for choice in choices])
        sure = np.array([choice.reason is Reason.ROUTED for choice in choices])
        yield MarginRow(
            min_margin=margin,
            sure=share(sure),
            sure_accuracy=share(on[sure] == wanted[sure]),
            accuracy=share(on == wanted),
            needless=share(on & ~wanted),
            missed=share(~on[wanted]),
        )


def share(flags: NDArray[np.bool_]) -> float:
    """Return how many flags are set, from 0 to 1."""
    return round(float(np.mean(flags)), 4)


def default_policy(labels: tuple[str, ...], min_margin: float) -> Policy:
    """Return the policy of the shipped configuration."""
    return Policy(
        labels=labels,
        routes={category: Route("model", level) for category, level in PAPER_POLICY.items()},
        default=Route("model", Reasoning.OFF),
        min_margin=min_margin,
    )


def machine() -> str:
    """Name the processor, its cores and the library that the times depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} cores of {names[0]}, torch {version('torch')}"


def timed(
    action: Callable[..., T], arguments: Iterable[tuple[object, ...]]
) -> tuple[float, list[T]]:
    """Return the median wall-clock microseconds of a call, and what all calls returned."""
    results, seconds = [], []
    for each in arguments:
        start = perf_counter()
        results.append(action(*each))
        seconds.append(perf_counter() - start)
    return round(median(seconds) * 1e6, 1), results


if __name__ == "__main__":
    main()
