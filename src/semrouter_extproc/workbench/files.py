"""Files of rows as people keep them: plain or gzipped, some of them damaged."""

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

_GZIP_MAGIC: Final = b"\x1f\x8b"
_FAULTS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds, unpacked. `digest` is the SHA-256 of its bytes as they lie on disk."""

    raw: bytes
    digest: str


def read_content(path: Path, faults: list[str]) -> Content | None:
    """Read a file, plain or gzipped; where that fails, add to `faults` and return None."""
    try:
        raw = path.read_bytes()
        content = gzip.decompress(raw) if raw.startswith(_GZIP_MAGIC) else raw
    except OSError as error:
        faults.append(f"{path}: {error.strerror or error}")
    except (EOFError, zlib.error) as error:
        faults.append(f"{path}: damaged gzip file: {error}")
    else:
        return Content(content, sha256(raw).hexdigest())
    return None


def shortened(faults: Sequence[str]) -> tuple[str, ...]:
    """Return the first faults and how many more there are."""
    if len(faults) <= _FAULTS_SHOWN:
        return tuple(faults)
    return *faults[:_FAULTS_SHOWN], f"and {len(faults) - _FAULTS_SHOWN} more bad rows"
