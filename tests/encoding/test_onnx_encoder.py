from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import process_time, thread_time

import numpy as np
import pytest
from numpy.typing import NDArray

from semrouter_extproc.encoding.encoder import Encoder
from semrouter_extproc.encoding.onnx_encoder import OnnxEncoder
from semrouter_extproc.encoding.tokens import TokenIds
from support.fresh_python import run_python

TEXTS = (
    "What is the derivative of x squared?",
    "sue them",
    "Why does ice float on water? " * 40,
    "日本の首都はどこですか",
    "def area(radius): return 3.14159 * radius ** 2",
)
ODD = ("", "\0", "\ud800", "😀", "[PAD] [PAD] [CLS]", "\u202e", "x" * 1_000_000, " \n\t")


@pytest.fixture(scope="module")
def encoder(minilm: Path) -> OnnxEncoder:
    return OnnxEncoder(minilm, workers=2)


def encoded(encoder: Encoder[TokenIds], *texts: str) -> NDArray[np.float32]:
    return encoder.encode(encoder.tokenize(texts))


def test_vectors_are_float32_rows_of_length_one(encoder: OnnxEncoder) -> None:
    vectors = encoded(encoder, *TEXTS)

    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), encoder.dimensions)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_odd_texts_have_a_direction_too(encoder: OnnxEncoder, text: str) -> None:
    assert np.isclose(np.linalg.norm(encoded(encoder, text)), 1)


def test_odd_texts_harm_nobody_in_their_batch(encoder: OnnxEncoder) -> None:
    alone = encoded(encoder, TEXTS[0])[0]

    assert encoded(encoder, TEXTS[0], *ODD)[0] @ alone > 0.98


def test_like_texts_lie_closer_than_unlike_ones(encoder: OnnxEncoder) -> None:
    question, same, other = encoded(
        encoder,
        "How do I boil an egg?",
        "Cooking an egg in water",
        "Interest rates rose again",
    )

    assert question @ same > question @ other + 0.3


def test_a_text_has_nearly_the_same_vector_alone_and_in_company(encoder: OnnxEncoder) -> None:
    together = encoded(encoder, *TEXTS)
    alone = np.concatenate([encoded(encoder, text) for text in TEXTS])

    assert np.sum(together * alone, axis=1).min() > 0.98


def test_threads_at_the_same_time_get_what_one_gets(encoder: OnnxEncoder) -> None:
    batches = [encoder.tokenize(TEXTS[:count]) for count in (1, 2)] * 10
    one_by_one = [encoder.encode(batch) for batch in batches]

    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(encoder.encode, batches))

    assert all(map(np.array_equal, at_once, one_by_one))


def test_threads_may_tokenize_at_the_same_time(encoder: OnnxEncoder) -> None:
    alone = encoder.tokenize(TEXTS)

    with ThreadPoolExecutor(4) as pool:
        assert all(found == alone for found in pool.map(encoder.tokenize, [TEXTS] * 40))


def test_a_batch_keeps_no_core_busy_but_that_of_who_asks(encoder: OnnxEncoder) -> None:
    batch = encoder.tokenize(TEXTS) * 4
    everywhere, here = process_time(), thread_time()

    encoder.encode(batch)

    assert process_time() - everywhere < 1.2 * (thread_time() - here)


def test_what_it_is_made_from_is_told(encoder: OnnxEncoder) -> None:
    assert encoder.fingerprint == "all-MiniLM-L6-v2@sha256:53aa51172d142c89"
    assert (encoder.dimensions, encoder.workers) == (384, 2)
    assert encoder.description == "onnx int8"


def test_the_best_batch_is_measured_once(encoder: OnnxEncoder) -> None:
    assert encoder.batch_cost == encoder.batch_cost > 0


def test_loading_and_encoding_need_no_torch_and_print_nothing(minilm: Path) -> None:
    done = run_python(
        "import sys\n"
        "from pathlib import Path\n"
        "from semrouter_extproc.encoding.onnx_encoder import OnnxEncoder\n"
        f"encoder = OnnxEncoder(Path({str(minilm)!r}))\n"
        "encoder.encode(encoder.tokenize(['one', 'two']))\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'onnx'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_nothing_is_reported_to_the_maker_of_the_runtime(minilm: Path, tmp_path: Path) -> None:
    done = run_python(
        "import os\n"
        "from pathlib import Path\n"
        "from semrouter_extproc.encoding.onnx_encoder import OnnxEncoder\n"
        f"encoder = OnnxEncoder(Path({str(minilm)!r}))\n"
        "encoder.encode(encoder.tokenize(['sue them']))\n"
        "print(sum(1 for _ in Path('/proc/self/task').iterdir()))",
        HOME=str(tmp_path),
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        OPENBLAS_NUM_THREADS="1",
    )

    # Its reports would be sent by a thread of their own, under an identity kept on disk.
    assert done.stdout.strip() == "1"
    assert list(tmp_path.rglob("*")) == []
