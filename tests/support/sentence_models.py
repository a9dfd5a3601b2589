"""Small sentence encoders with random weights: folders as sentence-transformers knows them.

torch takes seconds to import, which tests without it need not pay.
"""
# ruff: noqa: PLC0415

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.encoding.weights import DEFAULT_MODEL, folder_of

MODULES = ("Transformer", "Pooling", "Normalize")
VOCABULARY = 30_522
WIDTH = 32


def write_older(folder: Path) -> Path:
    """Write a BERT with pooling by the mean, as version 2 of sentence-transformers did."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * WIDTH,
        max_position_embeddings=64,
        # Wide enough that attention makes a difference.
        initializer_range=0.3,
    )
    return _save(BertModel(config), folder)


def write_other(folder: Path) -> Path:
    """Write a model that is no BERT, which only torch can run."""
    import torch
    from transformers import DistilBertConfig, DistilBertModel

    torch.manual_seed(0)
    config = DistilBertConfig(
        vocab_size=VOCABULARY, dim=WIDTH, n_layers=1, n_heads=2, hidden_dim=WIDTH
    )
    return _save(DistilBertModel(config), folder)


def write_newer(older: Path, folder: Path) -> Path:
    """Have sentence-transformers write the model in `older` as it does today."""
    from sentence_transformers import SentenceTransformer

    SentenceTransformer(str(older), device="cpu").save_pretrained(str(folder))
    return folder


def reference_vectors(folder: Path, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return what sentence-transformers makes of `texts`."""
    from sentence_transformers import SentenceTransformer

    vectors = SentenceTransformer(str(folder), device="cpu").encode(list(texts))
    return np.asarray(vectors, np.float32)


def cast_weights(folder: Path, type_: str) -> None:
    """Have the weights in `folder` in another type of torch's, such as "bfloat16"."""
    import torch
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    cast = {name: tensor.to(getattr(torch, type_)) for name, tensor in weights.items()}
    save_file(cast, folder / "model.safetensors")


def change(path: Path, **members: Any) -> None:
    """Set members of the JSON object in `path`, which may be absent."""
    document = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(document | members))


def write_modules(folder: Path, modules: Sequence[str]) -> None:
    """Say that the model in `folder` is made of `modules`, the first of which lies in it."""
    listed = [
        {
            "idx": index,
            "name": str(index),
            "path": f"{index}_{module}" if index else "",
            "type": f"sentence_transformers.models.{module}",
        }
        for index, module in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(listed))


def _save(network: Any, folder: Path) -> Path:
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    network.save_pretrained(folder)
    shutil.copy(folder_of(DEFAULT_MODEL) / "tokenizer.json", folder)
    write_modules(folder, MODULES)
    (folder / "1_Pooling").mkdir()
    change(
        folder / "1_Pooling/config.json",
        word_embedding_dimension=WIDTH,
        pooling_mode_mean_tokens=True,
    )
    change(folder / "sentence_bert_config.json", max_seq_length=48)
    change(folder / "tokenizer_config.json", tokenizer_class="BertTokenizer")
    return folder
