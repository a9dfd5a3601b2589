import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from semrouter_extproc.encoding.onnx_encoder import OnnxEncoder
from semrouter_extproc.encoding.prepared import prepare
from semrouter_extproc.encoding.sentence_model import describe
from semrouter_extproc.encoding.weights import DEFAULT_MODEL, folder_of
from semrouter_extproc.errors import EncoderUnavailable
from support.sentence_models import (
    MODULES,
    change,
    reference_vectors,
    write_modules,
    write_newer,
)

TEXTS = ["prove it", "sue them, and then sue them again " * 10, "日本の首都はどこですか"]


@pytest.fixture
def model(bert: Path, tmp_path: Path) -> Path:
    return shutil.copytree(bert, tmp_path / "model")


def of_our_own(folder: Path) -> NDArray[np.float32]:
    prepare("model", folder, folder / "prepared")
    encoder = OnnxEncoder(folder / "prepared")
    return encoder.encode(encoder.tokenize(TEXTS))


def test_the_default_model_is_described_as_it_is_known() -> None:
    known = describe(folder_of(DEFAULT_MODEL))

    assert (known.shape.layers, known.shape.heads, known.shape.width) == (6, 12, 384)
    assert (known.pooling, known.window, known.prefix) == ("mean", 256, "")


def test_a_folder_of_today_is_described_as_the_older_one_it_was_made_from(
    bert: Path, tmp_path: Path
) -> None:
    newer = write_newer(bert, tmp_path / "newer")

    assert json.loads((newer / "1_Pooling/config.json").read_text())["pooling_mode"] == "mean"
    assert describe(newer) == describe(bert)


def by_the_mean(_: Path) -> None:
    """Leave the model as it is."""


def by_the_first_token(model: Path) -> None:
    pooling = model / "1_Pooling/config.json"
    change(pooling, pooling_mode_mean_tokens=False, pooling_mode_cls_token=True)


def with_a_default_prompt(model: Path) -> None:
    settings = model / "config_sentence_transformers.json"
    change(settings, prompts={"query": "Represent this: "}, default_prompt_name="query")


def with_prompts_that_nobody_asked_for(model: Path) -> None:
    change(model / "config_sentence_transformers.json", prompts={"query": "Represent this: "})


def with_a_shorter_window(model: Path) -> None:
    change(model / "sentence_bert_config.json", max_seq_length=16)


CHANGES = [
    by_the_mean,
    by_the_first_token,
    with_a_default_prompt,
    with_prompts_that_nobody_asked_for,
    with_a_shorter_window,
]


@pytest.mark.parametrize("form", ["older", "newer"])
@pytest.mark.parametrize("changed", CHANGES)
def test_vectors_are_those_of_sentence_transformers(
    model: Path, tmp_path: Path, changed: Callable[[Path], None], form: str
) -> None:
    changed(model)
    if form == "newer":
        model = write_newer(model, tmp_path / "newer")

    ours, theirs = of_our_own(model), reference_vectors(model, TEXTS)

    assert np.sum(ours * theirs, axis=1).min() > 0.99


@pytest.mark.parametrize(
    "changed", [by_the_first_token, with_a_default_prompt, with_a_shorter_window]
)
def test_a_change_that_is_seen_turns_vectors(
    model: Path, bert: Path, changed: Callable[[Path], None]
) -> None:
    changed(model)

    turned = reference_vectors(model, TEXTS)

    assert np.sum(turned * reference_vectors(bert, TEXTS), axis=1).min() < 0.97


def test_the_window_is_never_longer_than_the_places_that_the_model_knows(model: Path) -> None:
    for endless in (10_000, None):
        change(model / "sentence_bert_config.json", max_seq_length=endless)
        change(model / "tokenizer_config.json", model_max_length=10**30)
        assert describe(model).window == 64


def test_what_a_bert_leaves_unsaid_is_as_in_bert_base(model: Path) -> None:
    (model / "config.json").write_text('{"model_type": "bert"}')

    shape = describe(model).shape

    assert (shape.layers, shape.heads, shape.width, shape.epsilon) == (12, 12, 768, 1e-12)


@pytest.mark.parametrize(
    ("member", "value"),
    [("model_type", "mpnet"), ("hidden_act", "gelu_new"), ("position_embedding_type", "rotary")],
)
def test_another_architecture_is_refused_with_what_to_do(
    model: Path, member: str, value: str
) -> None:
    change(model / "config.json", **{member: value})

    with pytest.raises(EncoderUnavailable, match=f"{member} is '{value}'.*backend: torch$"):
        describe(model)


@pytest.mark.parametrize(
    "pooling",
    [
        {"pooling_mode_mean_tokens": False, "pooling_mode_max_tokens": True},
        {"pooling_mode_max_tokens": True},
        {"pooling_mode_cls_token": True},
        {"pooling_mode": "lasttoken"},
        {"pooling_mode": ["mean", "cls"]},
    ],
    ids=["another", "another beside the mean", "two", "another by name", "two by name"],
)
def test_another_pooling_is_refused(model: Path, pooling: dict[str, Any]) -> None:
    change(model / "1_Pooling/config.json", **pooling)

    with pytest.raises(EncoderUnavailable, match="it pools its tokens neither"):
        describe(model)


def test_a_pooling_that_says_nothing_is_by_the_mean(model: Path) -> None:
    (model / "1_Pooling/config.json").write_text('{"word_embedding_dimension": 32}')

    assert describe(model).pooling == "mean"


@pytest.mark.parametrize(
    ("modules", "complaint"),
    [
        ((*MODULES, "Dense"), "a module Dense"),
        (("Transformer", "WeightedLayerPooling", "Pooling"), "a module WeightedLayerPooling"),
        (("Transformer",), "no module Pooling"),
    ],
)
def test_modules_that_the_graph_does_not_know_are_refused(
    model: Path, modules: tuple[str, ...], complaint: str
) -> None:
    write_modules(model, modules)

    with pytest.raises(EncoderUnavailable, match=f"{complaint}; set encoder.backend: torch$"):
        describe(model)


@pytest.mark.parametrize("file", ["config.json", "modules.json", "1_Pooling/config.json"])
@pytest.mark.parametrize("content", [None, b"", b"7", b"\xff"])
def test_a_file_that_cannot_be_read_is_named(model: Path, file: str, content: bytes | None) -> None:
    if content is None:
        (model / file).unlink()
    else:
        (model / file).write_bytes(content)

    with pytest.raises(EncoderUnavailable, match=rf"/{file} cannot be read: ."):
        describe(model)
