"""What an artefact knows that is no array: `meta.json`."""

from typing import Final

import msgspec


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that examples came from. `sha256` is of its bytes as they lie on disk."""

    file: str
    sha256: str
    rows: int


class Judgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How centroids did on rows that they were not fitted on.

    `ece` is the expected calibration error; `log_loss` is in nats.
    """

    rows: int
    accuracy: float
    macro_f1: float
    log_loss: float
    ece: float


class StaticJudgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the static tier did on rows that neither it nor the encoder's centroids learned from.

    `answered` and `differ` are shares of the rows under the policy that is hardest to decide
    for, where every category goes its own way: how often the encoder was not asked, and how
    often it would have decided otherwise. `accuracy` is of the categories that static tier and
    encoder find together, `encoder_accuracy` of those that the encoder finds alone.
    """

    rows: int
    answered: float
    differ: float
    accuracy: float
    encoder_accuracy: float


class StaticMeta(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything about the static tier that is no array; see `core.static.StaticModel`."""

    temperature: float
    bar: float
    cross_validation: StaticJudgement
    held_out: StaticJudgement | None


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where centroids came from and how good they were.

    `categories` counts the rows that they were fitted on. `held_out` judges centroids fitted
    without the held-out rows; `refitted` says that those in the folder were then fitted again on
    all rows, with the same settings.
    """

    command: str
    origin: str
    licence: str
    sources: tuple[Source, ...]
    precision: str
    categories: dict[str, int]
    cross_validation: Judgement
    held_out: Judgement | None
    refitted: bool


FORMAT: Final = 2


class Meta(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything about the centroids that is no array.

    `encoder` is the fingerprint of the encoder whose vectors they were fitted on. `landmarks`
    names the example that each landmark is. `static` is None where there is no static tier.
    """

    format: int = FORMAT
    labels: tuple[str, ...]
    encoder: str
    dimensions: int
    sharpness: float
    temperature: float
    landmarks: tuple[str, ...]
    provenance: Provenance
    static: StaticMeta | None = None


class _Formatted(msgspec.Struct):
    """Any release's document about an artefact, of which one thing is known."""

    format: int


def require_format(document: bytes, known: int) -> None:
    """Raise `msgspec.ValidationError` for a document of another format than is `known` here."""
    found = msgspec.json.decode(document, type=_Formatted).format
    if found != known:
        raise msgspec.ValidationError(f"is of format {found}, and this release reads {known}")
