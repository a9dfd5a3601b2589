"""The example for each gateway: by the schemas that there are, and against the chart."""

import re
from typing import Any

import kubernetes_validate
import pytest
import yaml
from helm_python import Chart, lint

from semrouter_extproc.config import Config, parse
from support.custom_kinds import KINDS, faults
from support.manifests import GATEWAYS, NAMES, Manifest, chart_values, manifest, manifests

CHART = GATEWAYS.parent / "k8s" / "semrouter"
DOCS = GATEWAYS.parents[1] / "docs" / "gateways"

CORE = {"Service"}

# No package carries their schemas: the pages say so.
UNCHECKED = {"GCPRoutingExtension", "HealthCheckPolicy", "AgentgatewayPolicy"}

EVERY = [(name, each) for name in NAMES for each in manifests(name)]
IDS = [f"{name}-{each['kind']}" for name, each in EVERY]


@pytest.fixture(scope="module")
def service() -> Manifest:
    """The chart's Service, as the examples' values make it."""
    with Chart.load(CHART) as chart:
        made = chart.render(values=chart_values(), name="router", namespace="llm")
    (text,) = [text for name, text in made.items() if name.endswith("/service.yaml")]
    found: Manifest = yaml.safe_load(text)
    return found


@pytest.fixture(scope="module")
def config() -> Config:
    return parse(chart_values()["config"], source="deploy/gateways/values.yaml")


@pytest.mark.parametrize(("name", "document"), EVERY, ids=IDS)
def test_every_object_is_one_that_its_schema_knows(name: str, document: Manifest) -> None:
    kind = document["kind"]
    if kind in CORE:
        kubernetes_validate.validate(document, "1.33", strict=True)
    elif kind in UNCHECKED:
        told = (DOCS / f"{name}.md").read_text(encoding="utf-8")
        assert re.search(rf"Unchecked:[^|]*`{kind}`", told)
    else:
        assert kind in KINDS
        assert faults(document) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_key_is_found(name: str) -> None:
    route = manifest(name, "HTTPRoute")
    route["spec"]["parentRef"] = [{"name": "gateway"}]

    assert faults(route) == [
        "$.spec: Additional properties are not allowed ('parentRef' was unexpected)"
    ]


def asked(name: str) -> tuple[str, int]:
    """Return the Service and the port at which a gateway asks."""
    match name:
        case "envoy-gateway":
            (extension,) = manifest(name, "EnvoyExtensionPolicy")["spec"]["extProc"]
            (backend,) = extension["backendRefs"]
        case "agentgateway":
            backend = manifest(name, "AgentgatewayPolicy")["spec"]["traffic"]["extProc"][
                "backendRef"
            ]
        case "gke":
            (chain,) = manifest(name, "GCPRoutingExtension")["spec"]["extensionChains"]
            (extension,) = chain["extensions"]
            backend = extension["backendRef"]
        case _:
            patch = manifest(name, "EnvoyFilter")["spec"]["configPatches"][0]["patch"]["value"]
            cluster = patch["typed_config"]["grpc_service"]["envoy_grpc"]["cluster_name"]
            _, port, _, host = cluster.split("|")
            backend = {"name": host.removesuffix(".llm.svc.cluster.local"), "port": int(port)}
    return backend["name"], backend["port"]


@pytest.mark.parametrize("name", sorted({*NAMES} - {"gke"}))
def test_the_router_is_the_service_of_the_chart(name: str, service: Manifest) -> None:
    (port,) = [each["port"] for each in service["spec"]["ports"] if each["name"] == "grpc"]

    assert asked(name) == (service["metadata"]["name"], port)


def test_gkes_own_service_leads_to_the_pods_of_the_chart(service: Manifest) -> None:
    callout = manifest("gke", "Service")
    (port,) = callout["spec"]["ports"]

    assert asked("gke") == (callout["metadata"]["name"], port["port"])
    assert callout["spec"]["selector"] == service["spec"]["selector"]
    assert port["targetPort"] in {each["targetPort"] for each in service["spec"]["ports"]}


@pytest.mark.parametrize("name", ["gke", "agentgateway"])
def test_who_asks_in_full_duplex_sends_trailers(name: str) -> None:
    text = (GATEWAYS / f"{name}.yaml").read_text(encoding="utf-8")

    assert "FullDuplexStreamed" in text
    assert re.search(r"RequestTrailers|requestTrailerMode: Send", text)


@pytest.mark.parametrize("name", NAMES)
def test_every_other_model_has_a_route_and_the_default_takes_what_is_left(
    name: str, config: Config
) -> None:
    *routed, last = manifest(name, "HTTPRoute")["spec"]["rules"]

    assert "matches" not in last
    assert [each["name"] for each in last["backendRefs"]] == [config.default.model]
    told = {rule["matches"][0]["headers"][0]["value"]: rule for rule in routed}
    assert told.keys() == config.models.keys() - {config.default.model}
    for model, rule in told.items():
        assert [each["name"] for each in rule["backendRefs"]] == [model]


@pytest.mark.parametrize("name", ["istio", "envoy-gateway", "inference-extension"])
def test_the_gateway_waits_longer_than_the_router_takes(name: str, config: Config) -> None:
    found = re.findall(r"message_?[tT]imeout: (\d+)s", (GATEWAYS / f"{name}.yaml").read_text())

    assert [float(each) > config.server.deadline for each in found] == [True]


@pytest.mark.parametrize(
    "more",
    [
        {"config": {"server": {"model_header": "X-Gateway-Model-Name"}}},
        {
            "tls": {"secret": "router-tls"},
            "config": {"server": {"tls": {"cert": "/tls/tls.crt", "key": "/tls/tls.key"}}},
        },
    ],
    ids=["inference-extension", "gke"],
)
def test_the_chart_takes_what_a_page_adds_to_the_values(more: dict[str, Any]) -> None:
    values = chart_values()
    values["config"] |= more["config"]

    assert lint(CHART, values=more | values)["errors"] == []


def test_every_gateway_has_a_page_and_a_line_in_the_table() -> None:
    table = (DOCS / "README.md").read_text(encoding="utf-8")

    assert {path.stem for path in DOCS.glob("*.md")} == {*NAMES, "envoy", "README"}
    assert all(f"({name}.md)" in table for name in [*NAMES, "envoy"])
