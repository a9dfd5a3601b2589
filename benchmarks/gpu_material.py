"""Encoders and prompts that need no download: random weights, and words that mean nothing."""

from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
import random_model
from random_model import Shape
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

LARGE: Final = (
    Shape("6 layers of 384 (MiniLM's shape)", layers=6, width=384, heads=12),
    Shape("24 layers of 1,024", layers=24, width=1_024, heads=16),
)
TINY: Final = (Shape("2 layers of 64", layers=2, width=64, heads=2),)

_SYLLABLES: Final = [f"{first}{second}" for first, second in product("bdfgklmnprst", "aeiou")]
_WORDS: Final = [f"{first}{second}" for first, second in product(_SYLLABLES, repeat=2)]
_SPECIAL: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")

# MMLU-Pro's questions: 67 tokens on average, half of them shorter than 50.
_MEDIAN_TOKENS: Final = 50
_SPREAD: Final = 0.75


def encoder_folder(shape: Shape, folder: Path) -> Path:
    """Make `folder` an encoder of this shape."""
    folder.mkdir()
    vocabulary = {word: number for number, word in enumerate((*_SPECIAL, *_WORDS))}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106 - a token
    tokenizer.pre_tokenizer = Whitespace()
    ends = [(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    source = folder.with_suffix(".tokenizer.json")
    tokenizer.save(str(source))
    return random_model.write(shape, source, folder)


def prompts(count: int) -> list[str]:
    """Return prompts as long as exam questions are, of which no two are the same."""
    random = np.random.default_rng(0)
    lengths = random.lognormal(np.log(_MEDIAN_TOKENS), _SPREAD, count).clip(8, 256).astype(int)
    return [" ".join(random.choice(_WORDS, length)) for length in lengths]
