"""Encoders of any shape with random weights: as fast as real ones, and nothing to download."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

_MODULES = ("Transformer", "Pooling", "Normalize")


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a BERT. `window` is how many tokens of a text it reads."""

    name: str
    layers: int
    width: int
    heads: int
    vocabulary: int = 30_522
    window: int = 256


def write(shape: Shape, tokenizer: Path, folder: Path) -> Path:
    """Make `folder` a sentence-transformers model, with the `tokenizer.json` of another."""
    import torch  # noqa: PLC0415 - seconds
    from transformers import BertConfig, BertModel  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.width,
    )
    BertModel(config).save_pretrained(folder)
    shutil.copy(tokenizer, folder / "tokenizer.json")
    for path, document in _descriptions(shape).items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(json.dumps(document))
    return folder


def _descriptions(shape: Shape) -> dict[str, object]:
    """Return what a sentence-transformers folder says about its model, by file."""
    return {
        "modules.json": [
            {
                "idx": index,
                "name": str(index),
                "path": f"{index}_{module}" if index else "",
                "type": f"sentence_transformers.models.{module}",
            }
            for index, module in enumerate(_MODULES)
        ],
        "1_Pooling/config.json": {
            "word_embedding_dimension": shape.width,
            "pooling_mode_mean_tokens": True,
        },
        "sentence_bert_config.json": {"max_seq_length": shape.window},
        "tokenizer_config.json": {"tokenizer_class": "BertTokenizer"},
    }
