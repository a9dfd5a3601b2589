"""What an artefact says about where it came from."""

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from semrouter_extproc.artefact import Judgement, Provenance, Source
from semrouter_extproc.workbench.examples import Example, ExampleFile


@dataclass(frozen=True, slots=True)
class Background:
    """What only the caller knows.

    `origin` and `licence` are those of the examples; `precision` is what the encoder
    computes in, such as "float32".
    """

    origin: str = ""
    licence: str = ""
    precision: str = ""


def provenance_of(
    files: Sequence[ExampleFile],
    examples: Sequence[Example],
    background: Background,
    *,
    encoder: str,
    cross_validation: Judgement,
    held_out: Judgement | None,
) -> Provenance:
    """Describe a fit to `examples` of `files` with the encoder of that fingerprint."""
    counts = Counter(example.category for example in examples)
    return Provenance(
        command=shlex.join(_command(files, background, encoder, held_out=held_out is not None)),
        origin=background.origin,
        licence=background.licence,
        sources=tuple(Source(file.name, file.digest, len(file.examples)) for file in files),
        precision=background.precision,
        categories=dict(sorted(counts.items())),
        cross_validation=cross_validation,
        held_out=held_out,
        refitted=held_out is not None,
    )


def _command(
    files: Sequence[ExampleFile], background: Background, encoder: str, *, held_out: bool
) -> Iterable[str]:
    """Yield the command again, without the folders of the machine it ran on."""
    yield from ("semrouter", "fit")
    for file in files:
        yield from ("--examples", file.name)
    yield from ("--encoder", encoder.partition("@")[0])
    if held_out:
        yield "--held-out"
    for option in ("origin", "licence"):
        if value := getattr(background, option):
            yield from (f"--{option}", value)
