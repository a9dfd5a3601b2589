import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from semrouter_extproc.encoding.torch_encoder import Precision, TorchEncoder
from semrouter_extproc.errors import EncoderUnavailable

TEXTS = (
    "What is the derivative of x squared?",
    "sue them",
    "",
    "Why does ice float on water? " * 40,
    "日本の首都はどこですか",
)


@cache
def encoder(precision: Precision = "float32") -> TorchEncoder:
    return TorchEncoder(device="cpu", threads=1, precision=precision)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "auto"])
def test_vectors_are_float32_rows_of_length_one(precision: Precision) -> None:
    vectors = encoder(precision).encode(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), encoder(precision).dimensions)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_no_texts_give_no_rows() -> None:
    assert encoder().encode([]).shape == (0, 384)


def test_like_texts_lie_closer_than_unlike_ones() -> None:
    question, same, other = encoder().encode(
        ["How do I boil an egg?", "Cooking an egg in water", "Interest rates rose again"]
    )
    assert question @ same > question @ other + 0.3


def test_a_text_has_the_same_vector_alone_and_in_company() -> None:
    together = encoder().encode(TEXTS)
    alone = np.concatenate([encoder().encode([text]) for text in TEXTS])
    assert np.allclose(together, alone, atol=1e-5)


def test_bfloat16_points_where_float32_does() -> None:
    cosines = np.sum(encoder("float32").encode(TEXTS) * encoder("bfloat16").encode(TEXTS), axis=1)
    assert cosines.min() > 0.999


def test_the_fingerprint_names_the_weights_whatever_the_precision() -> None:
    assert encoder("bfloat16").fingerprint == encoder("float32").fingerprint
    assert encoder().fingerprint == "all-MiniLM-L6-v2@sha256:53aa51172d142c89"


def test_the_precision_is_told() -> None:
    assert encoder("float32").precision == "float32"
    assert encoder("bfloat16").precision == "bfloat16"


def test_a_folder_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderUnavailable, match="cannot be loaded from"):
        TorchEncoder(str(tmp_path), device="cpu")


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(EncoderUnavailable, match="cannot be loaded from"):
        TorchEncoder(str(tmp_path), device="cpu")


def test_warming_up_reports_no_fault() -> None:
    encoder().warm_up()


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    offline = {**os.environ, "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [sys.executable, "-c", code], env=offline, capture_output=True, text=True, check=False
    )


def test_loading_and_encoding_print_nothing() -> None:
    done = run_python(
        "from semrouter_extproc.encoding.torch_encoder import TorchEncoder\n"
        "TorchEncoder(device='cpu').encode(['one', 'two'])"
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
