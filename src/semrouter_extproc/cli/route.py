"""`semrouter route`: one decision, explained, and the body that would go to the model."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semrouter_extproc.cli.options import AsJson, ConfigFile

if TYPE_CHECKING:
    from semrouter_extproc.config import Config
    from semrouter_extproc.core.apis import Api
    from semrouter_extproc.explaining import Explanation

_UNHURRIED = 60.0
"""Seconds: a decision on the command line is not under the server's deadline."""


def route(
    config: ConfigFile,
    prompt: Annotated[str | None, typer.Argument(help="A user's prompt.")] = None,
    body: Annotated[
        str | None, typer.Option(help="A request instead: a file, or - for standard input.")
    ] = None,
    path: Annotated[
        str, typer.Option(help="The path that the body is sent to.")
    ] = "/v1/chat/completions",
    reasoning: Annotated[
        str | None, typer.Option(help="What the header x-reasoning says, where it counts.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Decide about one request as `serve` would, and show why."""
    import msgspec

    from semrouter_extproc.config import load
    from semrouter_extproc.core.apis import APIS, CHAT_COMPLETIONS
    from semrouter_extproc.observe import logs

    logs.configure()
    loaded = load(config)
    if path not in APIS:
        raise typer.BadParameter(f"--path: nothing is routed there, but on {', '.join(APIS)}")
    if body is None and path != CHAT_COMPLETIONS.path:
        raise typer.BadParameter("--path goes with --body")
    if reasoning is not None and not loaded.clients.reasoning_header:
        raise typer.BadParameter("--reasoning: the page's clients.reasoning_header is false")
    asked = _read(prompt, body, loaded.aliases[0])
    answer = asyncio.run(_decide(loaded, asked, APIS[path], reasoning))
    if as_json:
        typer.echo(msgspec.json.encode(answer).decode())
    else:
        _show(answer)


def _read(prompt: str | None, body: str | None, alias: str) -> bytes:
    if (prompt is None) == (body is None):
        raise typer.BadParameter("give a PROMPT or --body FILE, one of the two")
    if body is None:
        message = {"role": "user", "content": prompt}
        return json.dumps({"model": alias, "messages": [message]}).encode()
    if body == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(body).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"--body: {error}") from None


async def _decide(config: "Config", body: bytes, api: "Api", header: str | None) -> "Explanation":
    from prometheus_client import CollectorRegistry

    from semrouter_extproc.assembly import load_edition, load_encoder, running_batcher
    from semrouter_extproc.explaining import explain
    from semrouter_extproc.observe.metrics import Metrics

    unhurried = config.server.model_copy(update={"deadline": _UNHURRIED})
    config = config.model_copy(update={"server": unhurried})
    edition = load_edition(config)
    encoder = load_encoder(config.encoder, *edition.artefacts)
    async with running_batcher(config, encoder, Metrics(CollectorRegistry())) as submit:
        return await explain(edition, submit, body, api, header=header)


def _show(answer: "Explanation") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    decision = Table.grid(padding=(0, 2))
    for name in answer.decision.__struct_fields__:
        value = getattr(answer.decision, name)
        shown = f"{value:.3f}" if isinstance(value, float) else str(value or "-")
        decision.add_row(f"[bold]{name}[/]", shown)
    console.print(decision)
    if answer.text:
        console.print("\n[bold]text[/]")
        console.print(answer.text, markup=False, highlight=False, soft_wrap=True)
    if answer.scores:
        console.print("\n[bold]scores[/]")
        for score in answer.scores[:5]:
            console.print(f"  {score.probability:6.1%}  {score.category}", highlight=False)
        console.print(f"  answered by: {answer.rung}", highlight=False)
        # Categories that go the same way add up, so that the likeliest alone need not decide.
        lead = f"{answer.lead:.1%} of lead, {answer.min_margin:.1%} needed"
        console.print(f"  {lead}", highlight=False)
    if like := answer.likeness:
        bar = "" if like.needed is None else f", {like.needed:.2f} needed"
        nearest = ", ".join(f"{each.id} ({each.category})" for each in like.nearest)
        console.print(f"  nearest examples: {nearest}", highlight=False)
        console.print(f"  familiarity {like.familiarity:.2f}{bar}", highlight=False)
    console.print("\n[bold]body[/]")
    console.print(answer.body, markup=False, highlight=False, soft_wrap=True)
