import shutil
from pathlib import Path

import numpy as np
import pytest
import structlog.testing

from semrouter_extproc.encoding.local import local_encoder
from semrouter_extproc.encoding.onnx_encoder import OnnxEncoder
from semrouter_extproc.encoding.prepared import CARD, NETWORK, TOKENIZER, prepare
from semrouter_extproc.encoding.torch_encoder import TorchEncoder
from semrouter_extproc.encoding.weights import DEFAULT_MODEL
from semrouter_extproc.errors import EncoderUnavailable
from support.fresh_python import run_python
from support.sentence_models import change


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def exported(bert: Path, tmp_path: Path) -> Path:
    prepare("bert", bert, tmp_path / "exported")
    return tmp_path / "exported"


def test_the_first_start_prepares_and_the_second_only_loads(bert: Path, cache: Path) -> None:
    with structlog.testing.capture_logs() as lines:
        first = local_encoder(str(bert), backend="auto", device="cpu", workers=2)
    made = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    with structlog.testing.capture_logs() as more:
        second = local_encoder(str(bert), backend="auto", device="cpu", workers=2)

    assert isinstance(first, OnnxEncoder)
    assert isinstance(second, OnnxEncoder)
    assert [line["event"] for line in lines] == ["prepared the encoder, once"]
    assert more == []
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == made
    assert second.workers == 2


def test_a_prepared_folder_is_taken_as_it_is(exported: Path, cache: Path) -> None:
    assert isinstance(
        local_encoder(str(exported), backend="auto", device="auto", workers=1), OnnxEncoder
    )
    assert not cache.exists()


def test_an_encoder_that_was_installed_on_the_machine_is_found_by_its_name(
    exported: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "share"))
    shutil.copytree(exported, tmp_path / "share" / "semrouter" / "encoders" / DEFAULT_MODEL)

    found = local_encoder(DEFAULT_MODEL, backend="auto", device="auto", workers=1)

    assert found.fingerprint.startswith("bert@sha256:")
    assert not cache.exists()


def test_either_backend_gives_the_same_directions_and_one_fingerprint(bert: Path) -> None:
    onnx = local_encoder(str(bert), backend="onnx", device="cpu", workers=1)
    torch = local_encoder(str(bert), backend="torch", device="cpu", workers=1)
    texts = ["prove it", "sue them"]

    vectors = onnx.encode(onnx.tokenize(texts)), torch.encode(torch.tokenize(texts))

    assert isinstance(torch, TorchEncoder)
    assert np.sum(vectors[0] * vectors[1], axis=1).min() > 0.99
    assert onnx.fingerprint == torch.fingerprint


def test_what_onnx_cannot_run_is_run_by_torch_and_the_price_is_told(
    distilbert: Path, cache: Path
) -> None:
    with structlog.testing.capture_logs() as lines:
        encoder = local_encoder(str(distilbert), backend="auto", device="cpu", workers=1)

    assert isinstance(encoder, TorchEncoder)
    assert [(line["log_level"], line["event"]) for line in lines][-1] == (
        "warning",
        "torch encodes, in more time than onnx would take",
    )
    assert "its model_type is 'distilbert'" in lines[-1]["why"]
    assert not list(cache.rglob("*.onnx"))


def test_who_insists_on_onnx_is_told_what_to_do(distilbert: Path) -> None:
    with pytest.raises(EncoderUnavailable, match=r"'distilbert'.*; set encoder\.backend: torch$"):
        local_encoder(str(distilbert), backend="onnx", device="cpu", workers=1)


@pytest.mark.parametrize("file", [NETWORK, CARD, TOKENIZER])
def test_a_damaged_encoder_in_the_cache_is_prepared_again(
    bert: Path, cache: Path, file: str
) -> None:
    local_encoder(str(bert), backend="onnx", device="cpu", workers=1)
    (damaged,) = cache.rglob(file)
    damaged.write_bytes(b"")

    with structlog.testing.capture_logs() as lines:
        healed = local_encoder(str(bert), backend="onnx", device="cpu", workers=1)

    assert isinstance(healed, OnnxEncoder)
    assert lines[0]["event"] == "the prepared encoder is damaged, and prepared again"
    assert damaged.stat().st_size > 0


def test_a_damaged_prepared_folder_is_named_and_not_tried_with_torch(exported: Path) -> None:
    (exported / NETWORK).write_bytes(b"no graph")

    with pytest.raises(EncoderUnavailable, match=r"encoder\.onnx cannot be trusted"):
        local_encoder(str(exported), backend="auto", device="auto", workers=1)


def test_a_model_that_is_nowhere_is_one_clear_line() -> None:
    done = run_python(
        "from semrouter_extproc.encoding.local import local_encoder\n"
        "local_encoder('nobody/no-such-model', backend='auto', device='auto', workers=1)"
    )

    last = done.stderr.strip().splitlines()[-1]
    assert "EncoderUnavailable: encoder 'nobody/no-such-model' is neither a folder nor" in last
    assert "torch encodes" not in done.stdout + done.stderr


def test_a_changed_model_is_prepared_anew(bert: Path, tmp_path: Path) -> None:
    model = shutil.copytree(bert, tmp_path / "model")
    before = local_encoder(str(model), backend="onnx", device="cpu", workers=1)
    change(model / "sentence_bert_config.json", max_seq_length=16)

    after = local_encoder(str(model), backend="onnx", device="cpu", workers=1)

    (long,), (cut,) = before.tokenize(["sea " * 40]), after.tokenize(["sea " * 40])
    assert (len(long), len(cut)) == (42, 16)


def test_a_cache_that_cannot_be_written_leaves_torch(bert: Path, cache: Path) -> None:
    cache.write_text("a file where the folder should be")

    encoder = local_encoder(str(bert), backend="auto", device="cpu", workers=1)

    assert isinstance(encoder, TorchEncoder)
    with pytest.raises(EncoderUnavailable, match="cannot be written"):
        local_encoder(str(bert), backend="onnx", device="cpu", workers=1)
