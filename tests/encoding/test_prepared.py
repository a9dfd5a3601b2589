import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from semrouter_extproc.encoding.onnx_encoder import OnnxEncoder
from semrouter_extproc.encoding.prepared import (
    CARD,
    NETWORK,
    TOKENIZER,
    _write,
    is_prepared,
    place_in_cache,
    prepare,
    read_card,
)
from semrouter_extproc.encoding.weights import DEFAULT_MODEL, fingerprint, folder_of
from semrouter_extproc.errors import EncoderUnavailable
from support.sentence_models import cast_weights, change

FILES = {NETWORK, TOKENIZER, CARD}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def model(bert: Path, tmp_path: Path) -> Path:
    return shutil.copytree(bert, tmp_path / "model")


def test_the_default_encoder_survives_rounding(minilm: Path) -> None:
    card = read_card(minilm)

    assert card.fingerprint == fingerprint(DEFAULT_MODEL, folder_of(DEFAULT_MODEL))
    assert card.dimensions == 384
    assert 0.97 < card.cosine < 1


def test_a_prepared_folder_holds_its_three_files_and_says_what_was_made(
    bert: Path, tmp_path: Path
) -> None:
    out = tmp_path / "there" / "bert"

    card = prepare("bert", bert, out)

    assert names(out) == FILES
    assert names(tmp_path / "there") == {"bert"}
    assert read_card(out) == card
    assert is_prepared(out)
    assert not is_prepared(bert)


def test_an_empty_folder_is_filled(bert: Path, tmp_path: Path) -> None:
    prepare("bert", bert, tmp_path)

    assert names(tmp_path) == FILES


def test_the_working_directory_is_filled(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    prepare("bert", bert, Path())

    assert names(tmp_path) == FILES
    assert is_prepared(tmp_path)


def test_what_a_killed_preparation_left_is_removed_once_it_is_old(
    bert: Path, tmp_path: Path
) -> None:
    abandoned, at_work = tmp_path / ".preparing-old", tmp_path / ".preparing-new"
    for folder in (abandoned, at_work):
        (folder / "made").mkdir(parents=True)
    yesterday = time.time() - 86_400
    os.utime(abandoned, (yesterday, yesterday))

    prepare("bert", bert, tmp_path / "out")

    assert names(tmp_path) == {".preparing-new", "out"}


def test_a_folder_that_holds_something_is_left_alone(bert: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")

    with pytest.raises(EncoderUnavailable, match=r"is not empty; name another folder$"):
        prepare("bert", bert, tmp_path)

    assert names(tmp_path) == {"mine"}


def test_a_file_is_no_place_for_a_folder(bert: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("precious")

    with pytest.raises(EncoderUnavailable, match="exists and is not empty"):
        prepare("bert", bert, file)
    with pytest.raises(EncoderUnavailable, match="inside: cannot be written: "):
        prepare("bert", bert, file / "inside")

    assert file.read_text() == "precious"


@pytest.mark.parametrize("type_", ["float16", "bfloat16"])
def test_weights_of_half_the_size_make_as_good_an_encoder(
    model: Path, tmp_path: Path, type_: str
) -> None:
    cast_weights(model, type_)

    assert prepare("model", model, tmp_path / "out").cosine > 0.99


def with_outliers(model: Path) -> None:
    weights = load_file(model / "model.safetensors")
    for name, array in weights.items():
        if name.endswith("dense.weight"):
            array[:, 0] *= 3000  # of every output, so that its other weights round to zero
    save_file(weights, model / "model.safetensors")


def with_a_weight_of_nan(model: Path) -> None:
    weights = load_file(model / "model.safetensors")
    weights["encoder.layer.0.output.dense.weight"][0, 0] = np.nan
    save_file(weights, model / "model.safetensors")


def without_a_layer(model: Path) -> None:
    change(model / "config.json", num_hidden_layers=3)


def with_weights_that_are_none(model: Path) -> None:
    (model / "model.safetensors").write_bytes(b"no weights")


def without_weights(model: Path) -> None:
    (model / "model.safetensors").unlink()


def without_tokenizer(model: Path) -> None:
    (model / TOKENIZER).unlink()


def of_another_kind(model: Path) -> None:
    change(model / "config.json", model_type="mpnet")


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        (with_outliers, "does not survive 8-bit integers: .* cosine of .*backend: torch$"),
        (with_a_weight_of_nan, "they are not all finite; set encoder.backend: torch$"),
        (without_a_layer, "not those of a BERT: 'encoder.layer.2.*backend: torch$"),
        (with_weights_that_are_none, "its weights cannot be prepared: .*backend: torch$"),
        (without_weights, "holds no weights"),
        (without_tokenizer, r"tokenizer\.json cannot be read"),
        (of_another_kind, "its model_type is 'mpnet'"),
    ],
)
def test_what_cannot_be_prepared_is_named_and_leaves_nothing_behind(
    model: Path, tmp_path: Path, changed: Callable[[Path], None], complaint: str
) -> None:
    changed(model)

    with pytest.raises(EncoderUnavailable, match=complaint):
        prepare("model", model, tmp_path / "out" / "encoder")

    assert not list((tmp_path / "out").glob("*"))


def test_two_that_prepare_at_once_leave_one_good_folder(bert: Path, tmp_path: Path) -> None:
    out, start = tmp_path / "out", Barrier(2)

    def prepared(_: int) -> str:
        start.wait(10)
        return prepare("bert", bert, out).fingerprint

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(prepared, range(2)))) == 1

    assert names(tmp_path) == {"out"}
    assert OnnxEncoder(out).dimensions == 32


def test_who_comes_second_finds_it_done(bert: Path, tmp_path: Path) -> None:
    card = prepare("bert", bert, tmp_path / "out")

    _write(bert, b"the same graph", card, tmp_path / "out")

    assert names(tmp_path) == {"out"}
    assert OnnxEncoder(tmp_path / "out").dimensions == 32


def test_a_place_that_was_taken_meanwhile_is_left_alone(bert: Path, tmp_path: Path) -> None:
    card = prepare("bert", bert, tmp_path / "out")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine").write_text("precious")

    with pytest.raises(OSError, match="not empty"):
        _write(bert, b"a graph", card, tmp_path / "taken")

    assert names(tmp_path) == {"out", "taken"}
    assert names(tmp_path / "taken") == {"mine"}


@pytest.fixture
def encoder(bert: Path, tmp_path: Path) -> Path:
    prepare("bert", bert, tmp_path / "encoder")
    return tmp_path / "encoder"


@pytest.mark.parametrize("file", sorted(FILES))
@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff\xfe"])
def test_a_damaged_file_is_named(encoder: Path, file: str, content: bytes | None) -> None:
    if content is None:
        (encoder / file).unlink()
    else:
        (encoder / file).write_bytes(content)

    with pytest.raises(EncoderUnavailable, match=f"{encoder / file} cannot be "):
        OnnxEncoder(encoder)


def test_a_card_of_another_format_is_refused(encoder: Path) -> None:
    change(encoder / CARD, format=3)

    with pytest.raises(
        EncoderUnavailable, match=r"encoder\.json.*semrouter encoder export --out FOLDER$"
    ):
        read_card(encoder)


def test_the_place_in_the_cache_depends_on_all_that_makes_the_encoder(
    model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = place_in_cache("model", model)
    places = {first, place_in_cache("other", model)}

    change(model / "1_Pooling/config.json", pooling_mode="cls")
    places.add(place_in_cache("model", model))
    change(model / "sentence_bert_config.json", max_seq_length=16)
    places.add(place_in_cache("model", model))
    with_a_weight_of_nan(model)
    places.add(place_in_cache("model", model))

    assert len(places) == 5
    assert first.is_relative_to(tmp_path / "cache")
