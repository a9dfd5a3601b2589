"""The demo's last lines: both totals, what they mean, and whether the path held."""

import json
from collections.abc import Sequence
from typing import Final

from rich.console import Console

from semrouter_extproc.config import Address
from semrouter_extproc.workbench.backend.server import ALIASES
from semrouter_extproc.workbench.demo.board import Board, cost_of
from semrouter_extproc.workbench.demo.client import MAX_TOKENS

_MEANING: Final = (
    "This proves the path: Envoy, router, vLLM and back. It proves no saving: a model of 135M "
    "parameters reasons too badly for its tokens to mean anything."
)


def conclude(board: Board, doubts: Sequence[str], console: Console) -> int:
    """Print the totals and the verdict, and return the exit code: 0 without doubts, else 1."""
    for name, outcomes in (("Routed", board.routed), ("Always on", board.always_on)):
        tokens, seconds = cost_of(outcomes)
        console.print(f"{name:9}  {tokens:5} tokens  {seconds:6.1f} s")
    console.print(_MEANING)
    if doubts:
        console.print("[red]Not every answer came from vLLM through Envoy:")
        for doubt in doubts:
            console.print(f"  {doubt}", markup=False)
        return 1
    console.print(
        f"[green]All {len(board.outcomes)} answers came from vLLM through Envoy, by the count "
        "of both."
    )
    return 0


def curl_line(envoy: Address) -> str:
    """Write a shell command that asks through Envoy and shows the decision's headers."""
    body = json.dumps(
        {
            "model": ALIASES[0],
            "messages": [{"role": "user", "content": "Why is the sky blue?"}],
            "max_tokens": MAX_TOKENS,
        }
    )
    return (
        f"curl -i --noproxy '*' http://{envoy}/v1/chat/completions "
        f"-H 'content-type: application/json' -d '{body}'"
    )
