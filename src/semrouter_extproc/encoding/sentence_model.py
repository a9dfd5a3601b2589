"""What a sentence-transformers folder says about its model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from semrouter_extproc.encoding.bert import Shape
from semrouter_extproc.encoding.network import Pooling
from semrouter_extproc.encoding.weights import read_json
from semrouter_extproc.errors import EncoderUnavailable

_SUPPORTED: Final = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
}
_MODULES: Final = {"Transformer", "Pooling", "Normalize"}
_POOLINGS: Final[Mapping[str, Pooling]] = {
    "mean": "mean",
    "mean_tokens": "mean",
    "cls": "cls",
    "cls_token": "cls",
}

_Document = TypeVar("_Document")


@dataclass(frozen=True, slots=True)
class SentenceModel:
    """A BERT and how its tokens become one vector. `window` counts tokens."""

    shape: Shape
    pooling: Pooling
    window: int
    prefix: str


class _Bert(msgspec.Struct):
    """A `config.json`. What is not written there is as in BERT base."""

    model_type: str = ""
    hidden_act: str = "gelu"
    position_embedding_type: str = "absolute"
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    hidden_size: int = 768
    max_position_embeddings: int = 512
    layer_norm_eps: float = 1e-12


class _Module(msgspec.Struct):
    type: str
    path: str = ""

    @property
    def kind(self) -> str:
        return self.type.rpartition(".")[2]


class _Prompts(msgspec.Struct):
    prompts: dict[str, str] = {}
    default_prompt_name: str | None = None


class _OlderWindow(msgspec.Struct):
    max_seq_length: int | None = None


class _Window(msgspec.Struct):
    # Endless is written as 1e30.
    model_max_length: float | None = None


def describe(folder: Path) -> SentenceModel:
    """Read the model in `folder`.

    Raises `EncoderUnavailable` for a model that is no BERT, which torch has to run.
    """
    bert = read_json(folder / "config.json", _Bert)
    for name, wanted in _SUPPORTED.items():
        if getattr(bert, name) != wanted:
            raise _unknown(folder, f"its {name} is {getattr(bert, name)!r}, not {wanted!r}")
    return SentenceModel(
        shape=Shape(
            layers=bert.num_hidden_layers,
            heads=bert.num_attention_heads,
            width=bert.hidden_size,
            epsilon=bert.layer_norm_eps,
        ),
        pooling=_pooling(folder),
        window=_window(folder, bert.max_position_embeddings),
        prefix=_prefix(folder),
    )


def _pooling(folder: Path) -> Pooling:
    modules = {each.kind: each for each in read_json(folder / "modules.json", list[_Module])}
    strange = set(modules) - _MODULES
    if strange:
        raise _unknown(folder, f"it has a module {min(strange)}")
    if "Pooling" not in modules:
        raise _unknown(folder, "it has no module Pooling")
    modes = _pooling_modes(folder / modules["Pooling"].path / "config.json")
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        raise _unknown(folder, "it pools its tokens neither by their mean nor by the first")
    return _POOLINGS[modes[0]]


def _pooling_modes(path: Path) -> list[str]:
    chosen = read_json(path, dict[str, Any])
    # Older folders have a switch for every mode, newer ones name one mode or several.
    switch = "pooling_mode_"
    switched_on = [
        name.removeprefix(switch)
        for name, value in chosen.items()
        if name.startswith(switch) and value
    ]
    named = chosen.get("pooling_mode", switched_on or ["mean"])
    return [named] if isinstance(named, str) else list(named)


def _window(folder: Path, places: int) -> int:
    older = _if_there(folder / "sentence_bert_config.json", _OlderWindow).max_seq_length
    newer = _if_there(folder / "tokenizer_config.json", _Window).model_max_length
    return int(min(older or newer or places, places))


def _prefix(folder: Path) -> str:
    settings = _if_there(folder / "config_sentence_transformers.json", _Prompts)
    return settings.prompts.get(settings.default_prompt_name or "", "")


def _if_there(path: Path, schema: type[_Document]) -> _Document:
    return read_json(path, schema) if path.is_file() else schema()


def _unknown(folder: Path, why: str) -> EncoderUnavailable:
    return EncoderUnavailable(
        f"{folder} is no encoder that ONNX Runtime can run here: {why}; set encoder.backend: torch"
    )
