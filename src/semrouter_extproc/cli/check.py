"""`semrouter check`: everything `serve` would refuse, before it is deployed."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import typer

from semrouter_extproc.cli.options import AsJson, ConfigFile

if TYPE_CHECKING:
    from semrouter_extproc.config import Config
    from semrouter_extproc.core.rules import Rules


def check(config: ConfigFile, as_json: AsJson = False) -> None:
    """Validate a configuration, every fault by its path, and say what may surprise."""
    from semrouter_extproc.assembly import load_edition, load_encoder
    from semrouter_extproc.config import load
    from semrouter_extproc.extproc.tls import Certificates

    loaded = load(config)
    edition = load_edition(loaded)
    encoder = load_encoder(loaded.encoder, *edition.artefacts)
    asyncio.run(_observe_nothing(loaded))
    if loaded.server.tls is not None:
        Certificates(loaded.server.tls).credentials()
    labels = edition.artefact.centroids.labels
    notes = [*_unrouted(loaded, labels), *_unsayable(loaded, edition.rules), *_half_tls(loaded)]
    facts = {
        "config": str(config),
        "models": sorted(loaded.models),
        "categories": len(labels),
        "routes": len(loaded.routes),
        "encoder": encoder.fingerprint,
        "notes": notes,
    }
    if as_json:
        typer.echo(json.dumps(facts))
        return
    typer.echo(f"{config} is valid: {_sentence(facts)}")
    for note in notes:
        typer.echo(f"note: {note}")


async def _observe_nothing(config: "Config") -> None:
    """Start whatever logs, traces and records, and end it: it may lack a function or a library."""
    from prometheus_client import CollectorRegistry

    from semrouter_extproc.observe.metrics import Metrics
    from semrouter_extproc.observe.observers import observing

    async with observing(config, Metrics(CollectorRegistry())):
        pass


def _sentence(facts: dict[str, object]) -> str:
    return (
        f"{facts['routes']} routes over {facts['categories']} categories, "
        f"encoder {facts['encoder']}"
    )


def _unrouted(config: "Config", labels: Sequence[str]) -> Iterable[str]:
    """Name the categories that take the default: a page's routes replace the built-in table."""
    missing = [label for label in labels if label not in config.routes]
    if missing:
        yield f"without a route of their own, and so to the default: {', '.join(missing)}"


def _half_tls(config: "Config") -> Iterable[str]:
    """Say where Envoy's half of TLS is missing, or the router's."""
    if (config.server.tls is None) != (config.envoy.router_tls is None):
        yield (
            "only one of server.tls and envoy.router_tls is there: an Envoy from "
            "`semrouter envoy-config` cannot talk to a router with this page"
        )


def _unsayable(config: "Config", rules: "Rules") -> Iterable[str]:
    """Name the levels that become another one, since the model's family cannot say them."""
    from semrouter_extproc.core.reasoning import Reasoning

    wanted = [
        *(
            (f"routes.{name}", route.model, route.reasoning)
            for name, route in config.routes.items()
        ),
        *(
            (f"learned.arms.{name}", arm.model, arm.reasoning)
            for name, arm in (config.learned.arms if config.learned else {}).items()
        ),
        ("default", config.default.model, config.default.reasoning),
    ]
    for path, model, level in wanted:
        if not isinstance(level, Reasoning):
            continue
        dialect = rules.models[model or config.default.model].dialect
        if (nearest := dialect.nearest(level)) is not level:
            yield f"{path}: {dialect.name} cannot say {level}, it becomes {nearest}"
