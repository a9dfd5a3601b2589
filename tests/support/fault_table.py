"""Every harm with the bench that it is done on, in the sections of docs/faults.md."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from semrouter_extproc.encoding.local import local_encoder
from semrouter_extproc.encoding.weights import DEFAULT_MODEL
from semrouter_extproc.testing.faults import Bench
from semrouter_extproc.testing.harms import HARMS, Harm
from semrouter_extproc.workbench.loopback import serving
from support.embeddings_server import EmbeddingsServer
from support.fault_benches import running_bench
from support.router_harms import (
    encoder_harms,
    file_harms,
    honest,
    own_artefact,
    remote,
    remote_harms,
)

PAGE: Final = Path(__file__).parents[2] / "docs" / "faults.md"
MARK: Final = "<!-- What follows is written by docs/faults.py -->\n"

_HEADINGS: Final = ("| fault |", "| --- |")


@dataclass(frozen=True)
class Section:
    """A part of the table."""

    title: str
    bench: Bench
    harms: Sequence[Harm]


@contextmanager
def by_itself(folder: Path) -> Iterator[Sequence[Section]]:
    """Run a router with an encoder of its own, for what may befall it."""
    with running_bench(folder, **own_artefact(folder)) as router:
        yield [
            Section("The router, and the model", router.bench, HARMS),
            Section("Its encoder", router.bench, encoder_harms(router)),
            Section("Its files, while it serves", router.bench, file_harms(router)),
        ]


@contextmanager
def with_a_remote_encoder(folder: Path) -> Iterator[Sequence[Section]]:
    """Run a router whose encoder is a server, for what may befall that."""
    encoder = local_encoder(DEFAULT_MODEL, backend="auto", device="cpu", workers=1)
    with ExitStack() as stack:
        server = stack.enter_context(serving(EmbeddingsServer()))
        server.answering = honest(encoder)
        router = stack.enter_context(running_bench(folder, **remote(server)))
        harms = remote_harms(server, encoder)
        yield [Section("A remote encoder", router.bench, harms)]


def documented() -> Mapping[str, Sequence[str]]:
    """Return what docs/faults.md says of each fault: a few words for each kind of Envoy."""
    _, _, table = PAGE.read_text(encoding="utf-8").partition(MARK)
    rows = [
        line.strip("| ").split(" | ")
        for line in table.splitlines()
        if line.startswith("|") and not line.startswith(_HEADINGS)
    ]
    # What stands after the last comma is how long it took.
    return {name: [cell.rpartition(", ")[0] for cell in cells] for name, *cells in rows}
