"""Centroids that have not seen the questions: those in the package have learned from them all."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from semrouter_extproc import __version__
from semrouter_extproc.artefact import save
from semrouter_extproc.config import Encoder
from semrouter_extproc.encoding.cores import usable_cores
from semrouter_extproc.encoding.local import local_encoder
from semrouter_extproc.errors import ConfigError
from semrouter_extproc.workbench.backend.cache import default_cache, digest, prepared
from semrouter_extproc.workbench.examples import ExampleFile, read_examples
from semrouter_extproc.workbench.files import read_content
from semrouter_extproc.workbench.fit import fit, is_held_out
from semrouter_extproc.workbench.progress import Progress

ENCODER: Final = Encoder().model


def folder_for(rows: Path) -> Path:
    """Return where centroids of these rows are kept; raises ConfigError for a missing file."""
    faults: list[str] = []
    content = read_content(rows, faults)
    if content is None:
        raise ConfigError("DATA", faults)
    return default_cache() / f"when-to-reason-{digest(__version__, content.digest)}"


def fitted_without_held_out(rows: Path, progress: Progress) -> Path:
    """Return a folder of centroids, fitted on the rows that are not held out.

    The first time takes minutes; they are then kept in the user's cache. Raises ConfigError.
    """

    def build(folder: Path) -> None:
        progress.step("Fitting centroids without the held-out questions (once; minutes)")
        # The encoder that the router serves with: a fifth of the time of full precision.
        encoder = local_encoder(ENCODER, backend="auto", device="auto", workers=usable_cores())
        save(folder, fit(_known(read_examples([rows])), encoder, progress=progress).artefact)

    return prepared(folder_for(rows), build, progress)


def _known(files: Sequence[ExampleFile]) -> list[ExampleFile]:
    return [
        replace(file, examples=tuple(row for row in file.examples if not is_held_out(row.id)))
        for file in files
    ]
