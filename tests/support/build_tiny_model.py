"""Writes a model of random weights that vLLM loads at once.

A script for the interpreter of vLLM's environment: `python build_tiny_model.py SOURCE TARGET`.
The tokenizer is that of SOURCE, and has no chat template.
"""

import shutil
import sys
from pathlib import Path

import torch
from transformers import AutoConfig, LlamaConfig, LlamaForCausalLM


def main(source: Path, target: Path) -> None:
    """Write model and tokenizer to `target`, in bfloat16."""
    tokenizer = AutoConfig.from_pretrained(source)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=tokenizer.vocab_size,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=32768,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).bfloat16().save_pretrained(target)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(source / name, target)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
