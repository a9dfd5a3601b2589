"""From texts to token numbers, and from those to the rectangle that a network takes."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.encoding.weights import first_line
from semrouter_extproc.errors import EncoderUnavailable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TokenIds = list[int]

_CHARS_PER_TOKEN: Final = 32
"""More than any text of more than a few words has; a megabyte takes a second to tokenize."""


def load_tokenizer(path: Path) -> "Tokenizer":
    """Read a `tokenizer.json`. Raises `EncoderUnavailable`."""
    from tokenizers import Tokenizer  # noqa: PLC0415 - an extra

    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more specific
        raise EncoderUnavailable(f"{path} cannot be read: {first_line(error)}") from error


class TextTokenizer:
    """Tokenizes with a tokenizer of the `tokenizers` library, which it takes over.

    Every text is preceded by `prefix` and cut to `window` tokens.
    """

    def __init__(self, tokenizer: "Tokenizer", *, window: int, prefix: str = "") -> None:
        # Its own threads would compete with those that encode, for a fiftieth of the work.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        tokenizer.no_padding()
        tokenizer.enable_truncation(window)
        self._tokenizer = tokenizer
        self._prefix = prefix
        self._most_chars = _CHARS_PER_TOKEN * window

    def __call__(self, texts: Sequence[str]) -> list[TokenIds]:
        """Return the token numbers of every text."""
        # A lone surrogate is no character: it has no UTF-8, which is what the library reads.
        readable = [
            f"{self._prefix}{text[: self._most_chars]}".encode("utf-8", "replace").decode()
            for text in texts
        ]
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(readable)]


def rectangle(batch: Sequence[TokenIds]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return `[N, longest]` token numbers, padded with zeros on the right, and `[N]` lengths."""
    lengths = np.array([len(ids) for ids in batch], np.int32)
    padded = np.zeros((len(batch), int(lengths.max())), np.int64)
    for row, ids in zip(padded, batch, strict=True):
        row[: len(ids)] = ids
    return padded, lengths
