"""`semrouter check`: everything `serve` would refuse, before it is deployed."""

import json

import typer

from semrouter_extproc.cli.options import AsJson, ConfigFile


def check(config: ConfigFile, as_json: AsJson = False) -> None:
    """Validate a configuration, every fault by its path."""
    from semrouter_extproc.config import load
    from semrouter_extproc.server import load_encoder, load_rules

    loaded = load(config)
    artefact, _ = load_rules(loaded)
    encoder = load_encoder(loaded.encoder, artefact)
    facts = {
        "config": str(config),
        "models": sorted(loaded.models),
        "categories": len(artefact.centroids.labels),
        "routes": len(loaded.routes),
        "encoder": encoder.fingerprint,
    }
    typer.echo(json.dumps(facts) if as_json else f"{config} is valid: {_sentence(facts)}")


def _sentence(facts: dict[str, object]) -> str:
    return (
        f"{facts['routes']} routes over {facts['categories']} categories, "
        f"encoder {facts['encoder']}"
    )
