"""The n-grams of a text, hashed, and linear models over them.

No n-gram is touched by a Python loop: hashes of all of them are computed at once, as polynomials
over the bytes of the text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.arrays import require_finite

BUCKETS: Final = 1 << 15

# Time is bounded for any text; the router hands over a few hundred characters.
_BYTES_READ: Final = 4096

Hashes = NDArray[np.uint32]
Buckets = NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class NgramModel:
    """A linear map from the n-grams of a text to `K` outputs.

    `rarity` is `[BUCKETS]` float32: how much an n-gram counts. `weights` is `[BUCKETS, K]`
    float32.

    Raises ArtefactError for values that do not fit together.
    """

    rarity: NDArray[np.float32]
    weights: NDArray[np.float32]

    def __post_init__(self) -> None:
        require_finite("rarity", self.rarity, (BUCKETS,))
        require_finite("n-gram weights", self.weights, (BUCKETS, None))

    def outputs(self, buckets: Buckets) -> NDArray[np.float64]:
        """Return the outputs, `[K]`, for a text with n-grams in `buckets`; zeros for none."""
        counted = self.rarity.take(buckets)
        length = sqrt(counted @ counted) or 1.0
        sums = counted @ self.weights.take(buckets, axis=0)
        return sums.astype(np.float64) / length


def buckets_of(text: str) -> Buckets:
    """Return the distinct buckets of a text's n-grams, ascending.

    N-grams are three and five characters in a row, words, and pairs of words, whatever their
    case; digits are all alike to characters in a row and in words.
    """
    read = text[:_BYTES_READ].lower().encode("utf-8", "replace")[:_BYTES_READ]
    raw = np.frombuffer(read, np.uint8)
    codes = _CODES.take(raw)
    hashes = np.concatenate([*_runs(codes), *_words(codes, _IN_WORD.take(raw))])
    # The low bits of a polynomial are poorly mixed, and only the high ones are kept.
    hashes ^= hashes >> np.uint32(15)
    hashes *= _MIXER
    return _distinct((hashes >> _SHIFT).astype(np.uint16))


def _runs(codes: Hashes) -> Iterator[Hashes]:
    """Yield hashes of each three and each five characters in a row, spaces included."""
    twos = codes[:-1] * _BASE + codes[1:]
    threes = twos[:-1] * _BASE + codes[2:]
    yield threes
    yield (threes[:-2] * _BASE_SQUARED + twos[3:]) ^ _FIVES


def _words(codes: Hashes, in_word: NDArray[np.bool_]) -> Iterator[Hashes]:
    """Yield hashes of each word and of each two words that follow one another."""
    padded = np.zeros(len(codes) + 2, np.bool_)
    padded[1:-1] = in_word
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    starts, ends = edges[::2], edges[1::2]
    sums = np.zeros(len(codes) + 1, np.uint32)
    np.add.accumulate(codes * _POWERS[: len(codes)], dtype=np.uint32, out=sums[1:])
    # Between its ends a word's sum still holds the power of its place; the inverse removes it.
    words = (sums.take(ends) - sums.take(starts)) * _INVERSE_POWERS.take(starts)
    yield words ^ _WORDS
    yield words[:-1] * _BASE + words[1:]


def _distinct(buckets: Buckets) -> Buckets:
    # np.unique does the same in four times the time.
    ordered = np.sort(buckets)
    first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered.compress(first)


def _code_table() -> Hashes:
    """Return what stands for each byte: digits are alike, and so is all white space."""
    codes = np.arange(1, 257, dtype=np.uint32)
    codes[: ord(" ")] = codes[ord(" ")]
    codes[ord("0") : ord("9") + 1] = codes[ord("0")]
    return codes


def _word_table() -> NDArray[np.bool_]:
    """Say which bytes are of words: letters, digits, and all that is not ASCII."""
    alphabet = b"abcdefghijklmnopqrstuvwxyz0123456789"
    return np.array([byte in alphabet or byte >= 128 for byte in range(256)])  # noqa: PLR2004


def _powers_of(base: int) -> Hashes:
    factors = np.full(_BYTES_READ, base, np.uint32)
    factors[0] = 1
    return np.multiply.accumulate(factors, dtype=np.uint32)


# Any odd number with well-spread bits does: it has an inverse in arithmetic modulo 2^32.
_PRIME: Final = 0x01000193
_BASE: Final = np.uint32(_PRIME)
_BASE_SQUARED: Final = np.uint32(_PRIME**2 % 2**32)
_MIXER: Final = np.uint32(0x9E3779B1)
_SHIFT: Final = np.uint32(32 - (BUCKETS - 1).bit_length())

# What tells five characters and a word from three characters with the same polynomial.
_FIVES: Final = np.uint32(0x5BD1E995)
_WORDS: Final = np.uint32(0x2C1B3C6D)

_CODES: Final = _code_table()
_IN_WORD: Final = _word_table()
_POWERS: Final = _powers_of(_PRIME)
_INVERSE_POWERS: Final = _powers_of(pow(_PRIME, -1, 2**32))
