"""Play every recorded conversation to a processor, and show what Envoy makes of its answers."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from semrouter_extproc.testing.conversations import RECORDED, Conversation, recorded
from semrouter_extproc.testing.envoy import Answered, Broken, Forwarded
from semrouter_extproc.testing.playing import Played, play


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit with 1 where Envoy would answer a request with an error of the processor's making."""
    parser = argparse.ArgumentParser(
        prog="python -m semrouter_extproc.testing", description=__doc__
    )
    parser.add_argument("address", help="where the processor listens, HOST:PORT, without TLS")
    parser.add_argument("--folder", type=Path, default=RECORDED, help="conversations of your own")
    parser.add_argument("--patience", type=float, default=10.0, help="seconds for each")
    given = parser.parse_args(arguments)
    table = Table("Conversation", "What comes of it", "ms", box=None)
    faults = 0
    for conversation in recorded(given.folder):
        played = play(given.address, conversation, patience=given.patience)
        faults += is_faulty(conversation, played)
        table.add_row(conversation.name, told(conversation, played), f"{played.seconds * 1e3:.0f}")
    Console().print(table)
    sys.exit(1 if faults else 0)


def is_faulty(conversation: Conversation, played: Played) -> bool:
    """Say whether a client would notice."""
    return not conversation.hung_up and isinstance(played.outcome, Broken | None)


def told(conversation: Conversation, played: Played) -> str:
    """Say in words what came of a conversation."""
    held = "; the stream stays open" if played.held else ""
    match played.outcome:
        case Forwarded(body=body, rerouted=rerouted):
            changed = "unchanged" if body == conversation.body else f"{len(body)} bytes"
            return f"forwarded, {changed}{', routed anew' if rerouted else ''}{held}"
        case Answered(status=status):
            return f"answered {status}{held}"
        case Broken(why=why):
            return f"BROKEN: {why}"
        case None:
            return "the client hung up" if conversation.hung_up else "BROKEN: no answer in time"


if __name__ == "__main__":
    main()
