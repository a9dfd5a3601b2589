"""The bootstrap as a document; what Envoy does with it is tested in the files beside."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from semrouter_extproc.config import Config, load, parse
from semrouter_extproc.envoy.bootstrap import render
from semrouter_extproc.envoy.launcher import validate
from semrouter_extproc.envoy.names import model_clusters

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "deploy" / "envoy" / "envoy.yaml"


def _config(**changes: object) -> Config:
    document = {
        "models": {"qwen3": {"dialect": "qwen3", "endpoints": ["127.0.0.1:8000"]}},
        "default": {"model": "qwen3"},
        **changes,
    }
    return parse(document, source="the test's configuration")


def _clusters(config: Config) -> dict[str, Any]:
    listed = yaml.safe_load(render(config))["static_resources"]["clusters"]
    return {cluster["name"]: cluster for cluster in listed}


def test_the_shipped_file_is_that_of_the_shipped_configuration() -> None:
    generated = render(load(ROOT / "config" / "semrouter.yaml"))

    assert SHIPPED.read_text(encoding="utf-8") == generated, "run `make envoy-config`"


def test_envoy_accepts_the_shipped_file() -> None:
    validate(SHIPPED.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "changes",
    [
        {"envoy": {"fail_open": False, "router": ["router-1:50051", "router-2:50051"]}},
        {"envoy": {"listen": "[::]:8080", "router": ["[::1]:50051", "127.0.0.1:50052"]}},
        {"server": {"max_body": "1GiB", "model_header": "X-Gateway-Model-Name"}},
        {"tracing": {"collector": "otel-collector.monitoring:4317", "share": 0.5}},
        {
            "models": {
                "qwen3": {"dialect": "qwen3", "endpoints": ["vllm.models.svc:8000"]},
                "Org/Model-2.5:free+x": {"dialect": "none", "endpoints": ["10.0.0.1:1"]},
            }
        },
    ],
    ids=["hostnames", "ipv6", "large bodies", "traces", "several models"],
)
def test_envoy_accepts_whatever_the_configuration_allows(changes: dict[str, Any]) -> None:
    validate(render(_config(**changes)))


def test_every_router_is_an_endpoint() -> None:
    config = _config(envoy={"router": ["10.0.0.1:50051", "10.0.0.2:50052"]})

    (locality,) = _clusters(config)["semrouter"]["load_assignment"]["endpoints"]
    addresses = [
        endpoint["endpoint"]["address"]["socket_address"] for endpoint in locality["lb_endpoints"]
    ]
    assert addresses == [
        {"address": "10.0.0.1", "port_value": 50051},
        {"address": "10.0.0.2", "port_value": 50052},
    ]


@pytest.mark.parametrize(
    ("routers", "discovery"),
    [
        (["10.0.0.1:1", "[::1]:1"], "STATIC"),
        (["10.0.0.1:1", "router:1"], "STRICT_DNS"),
    ],
)
def test_only_names_are_looked_up(routers: list[str], discovery: str) -> None:
    assert _clusters(_config(envoy={"router": routers}))["semrouter"]["type"] == discovery


def test_models_whose_names_differ_only_in_punctuation_keep_apart() -> None:
    names = model_clusters(["org/a.b", "org/a_b", "org:a.b", "a"])

    assert list(names.values()) == [
        "model-org_a_b",
        "model-org_a_b_2",
        "model-org_a_b_3",
        "model-a",
    ]


def test_a_model_called_like_the_router_has_a_cluster_of_its_own() -> None:
    model = {"dialect": "none", "endpoints": ["127.0.0.1:8000"]}
    config = _config(models={"semrouter": model}, default={"model": "semrouter"})

    assert list(_clusters(config)) == ["semrouter", "semrouter-answers", "model-semrouter"]
