"""Whether rows to be judged were learned from: by what their texts say, not by their files.

A text is known by the first 8 bytes of the SHA-256 of its normalised form: other spacing, other
capitals, another file or another id do not hide it. Of a million texts learned from and a
million judged, less than one chance in 10 million makes two different ones look alike.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.errors import ConfigError

Fingerprints = NDArray[np.uint64]

_BYTES: Final = 8
_IDS_SHOWN: Final = 3


def fingerprints(texts: Iterable[str]) -> Fingerprints:
    """Return what each text is known by, `[N]`, in the order of the texts."""
    written = (_normalised(text).encode("utf-8", "surrogatepass") for text in texts)
    digests = (sha256(text).digest()[:_BYTES] for text in written)
    return np.frombuffer(b"".join(digests), np.dtype(">u8")).astype(np.uint64)


def record_of(texts: Iterable[str]) -> Fingerprints:
    """Return the distinct fingerprints in rising order: what an artefact keeps of its rows."""
    return np.unique(fingerprints(texts))


def seen_before(record: Fingerprints, texts: Iterable[str]) -> NDArray[np.bool_]:
    """Say of each text, `[N]`, whether it is among those of `record`."""
    return np.isin(fingerprints(texts), record)


def refuse_if_all_seen(what: str, ids: Sequence[str], seen: NDArray[np.bool_]) -> None:
    """Raise ConfigError where every row, `[N]`, was learned from: there is none to judge by.

    `what` is the option that gave the rows, such as "--examples".
    """
    if not seen.all():
        return
    named = ", ".join(ids[:_IDS_SHOWN]) + (", ..." if len(ids) > _IDS_SHOWN else "")
    fault = (
        f"the artefact was fitted on all of these {len(ids):,} rows ({named}), and figures from "
        "them would flatter it; judge by rows that it has not seen, or say --seen-too, and the "
        "page will say so"
    )
    raise ConfigError(what, [fault])


def _normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
