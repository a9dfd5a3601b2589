"""`semrouter replay`: recorded requests under another configuration, as a gate for changes."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semrouter_extproc.cli.options import AsJson, ConfigFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from semrouter_extproc.config import Config
    from semrouter_extproc.router import SemanticRouter
    from semrouter_extproc.workbench.progress import Progress
    from semrouter_extproc.workbench.recorded import Recorded
    from semrouter_extproc.workbench.replay import Comparable, Pair, Vectors
    from semrouter_extproc.workbench.token_means import TokenMeans

_UNHURRIED = 60.0
"""Seconds: decisions of the past are not under the server's deadline."""


def _share(text: str) -> float:
    number, percent, rest = text.strip().partition("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        share = -1.0
    if rest or not 0 <= share <= 1:
        raise typer.BadParameter("write a share of the requests, such as 1% or 0.01")
    return share


def replay(
    log: Annotated[
        list[Path],
        typer.Option(help="What the recorder wrote, or JSON Lines of bodies: files or folders."),
    ],
    config: ConfigFile,
    against: Annotated[
        Path | None,
        typer.Option(help="The configuration to compare with; otherwise the recorded decisions."),
    ] = None,
    limit: Annotated[
        float | None,
        typer.Option(parser=_share, metavar="SHARE", help="Exit with 1 if more changes, as 1%."),
    ] = None,
    tokens: Annotated[
        Path | None,
        typer.Option(help="What answers cost: Envoy's access log, or paired records."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Decide recorded requests again, and show which decisions change."""
    from rich.console import Console

    from semrouter_extproc.config import load
    from semrouter_extproc.workbench.recorded import read_recorded
    from semrouter_extproc.workbench.replay import comparable
    from semrouter_extproc.workbench.token_means import read_token_means
    from semrouter_extproc.workbench.waiting import waiting_on

    pages = [load(page) for page in (config, against) if page]
    with waiting_on(Console(stderr=True)) as progress:
        progress.step("Reading the recorded requests")
        found = comparable(read_recorded(log), needs_decision=against is None)
        means = None if tokens is None else read_token_means(tokens)
        pairs = asyncio.run(_compare(found.requests, pages, progress))
    report = _report(pairs, found, means, limit)
    if as_json:
        typer.echo(json.dumps(report))
    else:
        _show(report)
    if not report["passed"]:
        raise typer.Exit(1)


async def _compare(
    requests: "Sequence[Recorded]", pages: "Sequence[Config]", progress: "Progress"
) -> "Sequence[Pair]":
    """Decide under one page and compare with what was recorded, or under two."""
    from semrouter_extproc.workbench.replay import Pair, decide

    progress.step("Loading centroids and encoders")
    vectors: dict[str, Vectors] = {}
    routers = [_router(page, vectors) for page in pages]
    width = max(each.encoder.workers for each in vectors.values())
    decisions = []
    for number, router in enumerate(routers, start=1):
        progress.step(f"Deciding every request, configuration {number} of {len(routers)}")
        decisions.append(await decide(router, requests, width, progress))
    after, *others = decisions
    before = others[0] if others else [row.decision for row in requests if row.decision]
    rows = zip(requests, before, after, strict=True)
    return [Pair(row.id, past, now) for row, past, now in rows]


def _router(config: "Config", vectors: "dict[str, Vectors]") -> "SemanticRouter":
    """Return the router of `config`; `vectors` keeps those of each encoder."""
    from prometheus_client import CollectorRegistry

    from semrouter_extproc.assembly import load_edition, load_encoder, require_match, router_over
    from semrouter_extproc.observe.metrics import Metrics
    from semrouter_extproc.workbench.replay import Vectors

    unhurried = config.server.model_copy(update={"deadline": _UNHURRIED})
    edition = load_edition(config.model_copy(update={"server": unhurried}))
    name = config.encoder.model_dump_json()
    if name in vectors:
        require_match(config.encoder, vectors[name].encoder, *edition.artefacts)
    else:
        vectors[name] = Vectors(load_encoder(config.encoder, *edition.artefacts))
    return router_over(vectors[name].submit, edition, Metrics(CollectorRegistry()))


def _report(
    pairs: "Sequence[Pair]", found: "Comparable", means: "TokenMeans | None", limit: float | None
) -> dict[str, Any]:
    import msgspec

    from semrouter_extproc.workbench.replay import changes, shares
    from semrouter_extproc.workbench.token_means import estimate

    changed = sum(pair.is_changed for pair in pairs)
    share = changed / len(pairs)
    estimated = None if means is None else estimate(pairs, means)
    return {
        "compared": len(pairs),
        "skipped": dict(found.skipped),
        "changed": changed,
        "share": share,
        "limit": limit,
        "passed": limit is None or share <= limit,
        "other_category": sum(pair.before.category != pair.after.category for pair in pairs),
        "categories": msgspec.to_builtins(shares(pairs)),
        "changes": msgspec.to_builtins(changes(pairs)),
        "tokens": msgspec.to_builtins(estimated),
    }


def _show(report: dict[str, Any]) -> None:
    from semrouter_extproc.cli.options import table_console

    console = table_console()
    _show_changes(report, console)
    for why, count in report["skipped"].items():
        typer.echo(f"{count:,} requests were not compared: {why}")
    typer.echo(_of_tokens(report["tokens"]))
    verdict = "" if report["limit"] is None else f", at most {report['limit']:.2%} may"
    typer.echo(
        f"{report['changed']:,} of {report['compared']:,} decisions change "
        f"({report['share']:.2%}{verdict}); "
        f"{report['other_category']:,} requests are put into another category"
    )


def _show_changes(report: dict[str, Any], console: Any) -> None:  # noqa: ANN401 - rich loads late
    from rich.table import Table

    from semrouter_extproc.workbench.replay import Way

    of_category = {each["category"]: each["requests"] for each in report["categories"]}
    table = Table("Category", "Before", "After", box=None)
    for title in ("Requests", "Of"):
        table.add_column(title, justify="right")
    table.add_column("For example")
    for change in report["changes"]:
        table.add_row(
            change["category"] or "-",
            str(Way(**change["before"])),
            str(Way(**change["after"])),
            f"{change['requests']:,}",
            f"{of_category[change['category']]:,}",
            ", ".join(change["examples"]),
        )
    if report["changes"]:
        console.print(table)


def _of_tokens(estimated: dict[str, Any] | None) -> str:
    if estimated is None:
        return "Tokens: unknown; --tokens tells what each kind of answer costs"
    told = (
        f"Tokens: {estimated['before']:,.0f} before, {estimated['after']:,.0f} after, estimated "
        f"by the mean of each kind of answer for {estimated['requests']:,} requests"
    )
    if estimated["unknown"]:
        ways = "; ".join(f"{way}: {count:,}" for way, count in estimated["unknown"].items())
        told += f". Unknown, and in neither sum: {ways}"
    return told
