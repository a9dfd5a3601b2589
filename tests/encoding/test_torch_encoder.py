import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from semrouter_extproc.encoding.torch_encoder import Precision, TorchEncoder
from semrouter_extproc.encoding.weights import DEFAULT_MODEL, folder_of
from semrouter_extproc.errors import EncoderUnavailable
from support.fresh_python import run_python
from support.sentence_models import change, reference_vectors

TEXTS = (
    "What is the derivative of x squared?",
    "sue them",
    "",
    "Why does ice float on water? " * 40,
    "日本の首都はどこですか",
    "\ud800 and \0",
)


@cache
def encoder(precision: Precision = "float32") -> TorchEncoder:
    return TorchEncoder(device="cpu", workers=2, precision=precision)


def encoded(encoder: TorchEncoder, *texts: str) -> NDArray[np.float32]:
    return encoder.encode(encoder.tokenize(texts))


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "auto"])
def test_vectors_are_float32_rows_of_length_one(precision: Precision) -> None:
    vectors = encoded(encoder(precision), *TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), encoder(precision).dimensions)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_like_texts_lie_closer_than_unlike_ones() -> None:
    question, same, other = encoded(
        encoder(), "How do I boil an egg?", "Cooking an egg in water", "Interest rates rose again"
    )
    assert question @ same > question @ other + 0.3


def test_a_text_has_the_same_vector_alone_and_in_company() -> None:
    together = encoded(encoder(), *TEXTS)
    alone = np.concatenate([encoded(encoder(), text) for text in TEXTS])
    assert np.allclose(together, alone, atol=1e-5)


def test_threads_at_the_same_time_get_what_one_gets() -> None:
    batches = [encoder().tokenize(TEXTS[:3])] * 20
    alone = encoder().encode(batches[0])

    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(encoder().encode, batches))

    assert all(np.array_equal(vectors, alone) for vectors in at_once)


def test_bfloat16_points_where_float32_does() -> None:
    exact, rounded = (encoded(encoder(each), *TEXTS) for each in ("float32", "bfloat16"))
    assert np.sum(exact * rounded, axis=1).min() > 0.999


def test_a_default_prompt_is_put_before_every_text(bert: Path, tmp_path: Path) -> None:
    model = shutil.copytree(bert, tmp_path / "model")
    settings = model / "config_sentence_transformers.json"
    change(settings, prompts={"query": "Represent this: "}, default_prompt_name="query")
    ours = encoded(TorchEncoder(str(model), device="cpu", precision="float32"), "sue them")

    with_prompt, without = (reference_vectors(folder, ["sue them"]) for folder in (model, bert))

    assert ours[0] @ with_prompt[0] > 0.9999 > ours[0] @ without[0]


def test_another_architecture_gives_the_vectors_of_sentence_transformers(distilbert: Path) -> None:
    ours = encoded(TorchEncoder(str(distilbert), device="cpu", precision="float32"), *TEXTS[:5])

    assert np.allclose(ours, reference_vectors(distilbert, TEXTS[:5]), atol=1e-5)


def test_the_fingerprint_names_the_weights_whatever_the_precision() -> None:
    assert encoder("bfloat16").fingerprint == encoder("float32").fingerprint
    assert encoder().fingerprint == "all-MiniLM-L6-v2@sha256:53aa51172d142c89"


def test_the_precision_is_told() -> None:
    assert encoder("float32").precision == "float32"
    assert encoder("bfloat16").precision == "bfloat16"
    assert encoder("bfloat16").description == "torch bfloat16 on cpu"


def test_on_the_cpu_as_many_batches_are_encoded_at_once_as_was_asked_for() -> None:
    assert encoder().workers == 2


def test_the_best_batch_is_measured_once(distilbert: Path) -> None:
    small = TorchEncoder(str(distilbert), device="cpu")

    assert small.batch_cost == small.batch_cost > 0


def test_a_folder_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderUnavailable, match="cannot be loaded from"):
        TorchEncoder(str(tmp_path), device="cpu")


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(EncoderUnavailable, match="cannot be loaded from"):
        TorchEncoder(str(tmp_path), device="cpu")


def test_a_vocabulary_alone_makes_the_same_tokens(bert: Path, tmp_path: Path) -> None:
    model = shutil.copytree(bert, tmp_path / "model")
    (model / "tokenizer.json").unlink()
    shutil.copy(folder_of(DEFAULT_MODEL) / "vocab.txt", model)

    from_vocabulary = TorchEncoder(str(model), device="cpu").tokenize(TEXTS)

    assert from_vocabulary == TorchEncoder(str(bert), device="cpu").tokenize(TEXTS)


def test_loading_and_encoding_print_nothing() -> None:
    done = run_python(
        "from semrouter_extproc.encoding.torch_encoder import TorchEncoder\n"
        "encoder = TorchEncoder(device='cpu')\n"
        "encoder.encode(encoder.tokenize(['one', 'two']))"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_unknown_name_offline_is_one_clear_line() -> None:
    done = run_python(
        "from semrouter_extproc.encoding.torch_encoder import TorchEncoder\n"
        "TorchEncoder('nobody/no-such-model')"
    )
    last = done.stderr.strip().splitlines()[-1]
    assert "EncoderUnavailable: encoder 'nobody/no-such-model' is neither a folder nor" in last


def test_without_torch_the_extra_to_install_is_named() -> None:
    # None in sys.modules is how Python itself says that a package cannot be imported.
    done = run_python(
        "import sys\n"
        "sys.modules['sentence_transformers'] = None\n"
        "from semrouter_extproc.encoding.torch_encoder import TorchEncoder\n"
        "TorchEncoder()"
    )
    assert "pip install 'semrouter-extproc[torch]'" in done.stderr.strip().splitlines()[-1]


def test_importing_the_module_loads_no_torch() -> None:
    done = run_python(
        "import sys\n"
        "import semrouter_extproc.encoding.torch_encoder\n"
        "assert 'torch' not in sys.modules"
    )
    assert done.returncode == 0, done.stderr
