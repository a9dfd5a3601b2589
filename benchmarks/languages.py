"""What the encoder makes of languages that it does not read, and the price of one that does.

The questions of `languages.yaml` are asked of the router as it is shipped. A multilingual
encoder is timed by its shape, with random weights: time does not depend on what they mean.
Writes `results/languages.json` and `.md`.
"""

import argparse
import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Final

import numpy as np
import random_model
import yaml
from classification import machine
from in_process import Service, asking, running_service
from interleaved import take_turns
from languages_report import Answer, Price, Results, Row, markdown
from results_files import publish
from rich.console import Console

from semrouter_extproc.core.classify import classify
from semrouter_extproc.core.ngrams import buckets_of
from semrouter_extproc.core.policy import PAPER_POLICY
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.encoding.local import prepared_in_cache
from semrouter_extproc.encoding.offline import encode_texts
from semrouter_extproc.encoding.onnx_encoder import OnnxEncoder
from semrouter_extproc.encoding.prepared import NETWORK, TOKENIZER, prepare
from semrouter_extproc.encoding.weights import DEFAULT_MODEL
from semrouter_extproc.observe.metrics import Rung
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on

ENGLISH: Final = "English"
ROUNDS: Final = 10
MULTILINGUAL: Final = random_model.Shape(
    "paraphrase-multilingual-MiniLM-L12-v2", layers=12, width=384, heads=12, vocabulary=250_037
)

Questions = Mapping[str, Mapping[str, str]]
"""The questions: by category, then by language."""


def main() -> None:
    """Ask in every language, time the two encoders, and write the two files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    source = Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
    questions: Questions = yaml.safe_load(source)
    console = Console()
    with waiting_on(console) as progress:
        encoder, rows = asyncio.run(ask_all(questions, progress))
        results = Results(
            encoder=encoder,
            rows=rows,
            prices=prices(in_language(questions, ENGLISH), progress),
            machine=machine(),
        )
    publish("languages", results, markdown(results), console)


async def ask_all(questions: Questions, progress: Progress) -> tuple[str, tuple[Row, ...]]:
    """Return the encoder's name, and how it fared in each language and in all but English."""
    languages = next(iter(questions.values()))
    progress.step(f"Asking {len(questions)} questions in {len(languages)} languages")
    async with running_service() as service:
        answers = {each: await ask(questions, each, service) for each in languages}
    rows = [Row.of(language, found) for language, found in answers.items()]
    foreign = [each for name, found in answers.items() if name != ENGLISH for each in found]
    return service.encoder.fingerprint, (*rows, Row.of("*all but English*", foreign))


async def ask(questions: Questions, language: str, service: Service) -> list[Answer]:
    """Ask every question in one language."""
    texts = in_language(questions, language)
    vectors = encode_texts(service.encoder, texts)
    english = encode_texts(service.encoder, in_language(questions, ENGLISH))
    likeness = np.sum(vectors * english, axis=1)
    lengths = map(len, service.encoder.tokenize(texts))
    answers = []
    for category, text, vector, alike, length in zip(
        questions, texts, vectors, likeness, lengths, strict=True
    ):
        found = classify(vector, buckets_of(text), service.artefact.centroids)
        routing = await service.send(asking(text))
        answers.append(
            Answer(
                category=found.category == category,
                switched=service.rules.policy.choose(found).route.reasoning is level(category),
                shipped=routing.decision.reasoning is level(category),
                static=routing.rung is Rung.STATIC,
                likeness=float(alike),
                tokens=length,
            )
        )
    return answers


def level(category: str) -> Reasoning:
    """Return how the default routes reason about a category."""
    return PAPER_POLICY[category]


def in_language(questions: Questions, language: str) -> list[str]:
    """Return every question in one language."""
    return [each[language] for each in questions.values()]


def prices(texts: Sequence[str], progress: Progress) -> tuple[Price, Price]:
    """Time the shipped encoder and the multilingual shape, in turns."""
    progress.step("Timing a multilingual encoder")
    shipped = prepared_in_cache(DEFAULT_MODEL)
    with TemporaryDirectory() as scratch:
        model = random_model.write(MULTILINGUAL, shipped / TOKENIZER, Path(scratch) / "model")
        multilingual = Path(scratch) / "prepared"
        prepare(MULTILINGUAL.name, model, multilingual)
        folders = {DEFAULT_MODEL: shipped, MULTILINGUAL.name: multilingual}
        actions = {name: one_by_one(folder, texts) for name, folder in folders.items()}
        seconds = take_turns(actions, rounds=ROUNDS, clock=process_time)
        first, second = (
            Price(
                name=name,
                size=(folder / NETWORK).stat().st_size,
                encode_ms=round(float(np.median(seconds[name])) / len(texts) * 1e3, 2),
            )
            for name, folder in folders.items()
        )
    return first, second


def one_by_one(folder: Path, texts: Sequence[str]) -> Callable[[], None]:
    """Return what encodes each text alone, tokenizing included."""
    encoder = OnnxEncoder(folder)

    def encode() -> None:
        for text in texts:
            encoder.encode(encoder.tokenize([text]))

    return encode


if __name__ == "__main__":
    main()
