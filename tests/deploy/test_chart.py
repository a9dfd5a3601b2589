"""The Helm chart by Helm's own engine, and what it makes by the schemas of Kubernetes."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from helm_python import Chart, HelmError, lint

from semrouter_extproc.config import parse
from semrouter_extproc.envoy.bootstrap import render
from semrouter_extproc.envoy.launcher import validate
from support.custom_kinds import KINDS, faults
from support.scripts import script

K8S = Path(__file__).parents[2] / "deploy" / "k8s"
CHART = K8S / "semrouter"
SCHEMA = script(K8S / "values_schema.py")
VERSIONS = ("1.25", "1.29", "1.33", "1.37")

Values = dict[str, Any]


def values_of(name: str) -> Values:
    values: Values = yaml.safe_load((CHART / "ci" / f"{name}-values.yaml").read_text())
    return values


MINIMAL = values_of("minimal")
EVERYTHING = values_of("everything")


def objects(values: Values) -> list[dict[str, Any]]:
    """Return what Helm makes of the values."""
    with Chart.load(CHART) as chart:
        made = chart.render(values=values, name="router", namespace="llm")
    texts = [text for name, text in made.items() if name.endswith(".yaml")]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def only(values: Values, kind: str, name: str = "router") -> dict[str, Any]:
    (found,) = [
        each
        for each in objects(values)
        if each["kind"] == kind and each["metadata"]["name"] == name
    ]
    return found


def page(values: Values) -> str:
    text: str = only(values, "ConfigMap")["data"]["semrouter.yaml"]
    return text


def with_page(**sections: Any) -> Values:
    return {"config": MINIMAL["config"] | sections}


def matrix() -> Iterator[Values]:
    """Yield the shipped values, and every switch of the chart on and off beside every other."""
    yield MINIMAL
    yield EVERYTHING
    switches = ("envoy", "autoscaling", "networkPolicy", "serviceMonitor", "podDisruptionBudget")
    for states in product((False, True), repeat=len(switches)):
        chosen = dict(zip(switches, states, strict=True))
        yield MINIMAL | {name: {"enabled": state} for name, state in chosen.items()}


MATRIX = list(matrix())


@pytest.mark.parametrize("values", MATRIX, ids=range(len(MATRIX)))
def test_every_object_is_one_that_kubernetes_or_its_operator_knows(values: Values) -> None:
    assert lint(CHART, values=values)["errors"] == []
    found = objects(values)
    known = [each for each in found if each["kind"] not in KINDS]
    for version, document in product(VERSIONS, known):
        kubernetes_validate.validate(document, version, strict=True)
    assert len(known) >= 4
    assert [fault for each in found if each not in known for fault in faults(each)] == []


def test_everything_makes_every_kind() -> None:
    kinds = {each["kind"] for each in objects(EVERYTHING)}

    assert kinds == {
        "ConfigMap",
        "Deployment",
        "HorizontalPodAutoscaler",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
        "ServiceMonitor",
    }


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({}, "models"),
        (with_page(classifier={"min_margn": 0.1}), "/config/classifier"),
        (with_page(classifier={"min_margin": 2}), "/config/classifier/min_margin"),
        (with_page(server={"deadline": "250"}), "/config/server/deadline"),
        (with_page(routes={"math": {"reasoning": "deeply"}}), "/config/routes/math/reasoning"),
        (MINIMAL | {"replica": 3}, "replica"),
        (MINIMAL | {"reload": "never"}, "/reload"),
        (MINIMAL | {"envoy": {"enabled": "yes"}}, "/envoy/enabled"),
    ],
)
def test_a_wrong_value_is_refused_with_its_path(values: Values, path: str) -> None:
    told = "\n".join(lint(CHART, values=values)["errors"])

    assert path in told
    with pytest.raises(HelmError, match=path):
        objects(values)


@pytest.mark.parametrize("values", [MINIMAL, EVERYTHING], ids=["minimal", "everything"])
def test_the_page_is_one_that_the_router_and_envoy_accept(values: Values) -> None:
    config = parse(yaml.safe_load(page(values)), source="the chart's page")

    validate(render(config))
    service = only(values, "Service")
    assert service["spec"]["clusterIP"] == "None"
    assert [str(each) for each in config.router_endpoints] == ["router:50051"]
    ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
    assert ports == {"grpc": config.server.grpc.port, "admin": config.server.admin.port}


def test_what_a_page_says_stands_over_what_the_chart_puts_in() -> None:
    config = parse(
        yaml.safe_load(
            page(with_page(envoy={"max_streams": 7}, recorder={"max_bytes": 268435456}))
        ),
        source="the chart's page",
    )

    assert config.envoy.max_streams == 7
    assert config.recorder.max_bytes == 268435456


@pytest.mark.parametrize(
    ("values", "most"),
    [
        ({"replicas": 3}, 150),
        ({"replicas": 3, "envoy": {"enabled": True, "replicas": 2}}, 75),
        ({"replicas": 1, "envoy": {"enabled": True, "replicas": 99}}, 1),
        ({"autoscaling": {"enabled": True, "max": 8}}, 400),
    ],
)
def test_envoy_may_ask_as_many_at_a_time_as_the_routers_can_take(values: Values, most: int) -> None:
    assert yaml.safe_load(page(MINIMAL | values))["envoy"]["max_streams"] == most


@pytest.mark.parametrize(
    ("server", "seconds"),
    [
        ({}, 35),
        ({"drain_delay": "10s", "drain_timeout": "1m"}, 75),
        ({"drain_delay": "2500ms", "drain_timeout": "0s"}, 8),
    ],
)
def test_kubernetes_waits_for_as_long_as_a_drain_may_take(
    server: dict[str, str], seconds: int
) -> None:
    pod = only(with_page(server=server), "Deployment")["spec"]["template"]["spec"]

    assert pod["terminationGracePeriodSeconds"] == seconds


def checksum(values: Values) -> str | None:
    found: dict[str, str] = (
        only(values, "Deployment")["spec"]["template"]["metadata"].get("annotations") or {}
    )
    return found.get("checksum/config")


def test_a_changed_page_rolls_the_pods_only_where_it_is_to() -> None:
    changed = with_page(aliases=["auto"])

    assert checksum(MINIMAL) is checksum(changed) is None
    restarting = [each | {"reload": "restart"} for each in (MINIMAL, changed)]
    assert len({checksum(each) for each in restarting}) == 2


@pytest.mark.parametrize("name", ["router", "router-envoy"])
def test_no_container_is_root_or_writes_to_its_image(name: str) -> None:
    pod = only(EVERYTHING, "Deployment", name)["spec"]["template"]["spec"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize("name", ["router", "router-envoy"])
def test_certificates_are_where_the_page_says(name: str) -> None:
    values = MINIMAL | {"envoy": {"enabled": True}, "tls": {"secret": "certificates"}}
    pod = only(values, "Deployment", name)["spec"]["template"]["spec"]

    (container,) = pod["containers"]
    assert {"name": "tls", "mountPath": "/tls", "readOnly": True} in container["volumeMounts"]
    assert {"name": "tls", "secret": {"secretName": "certificates"}} in pod["volumes"]


def test_a_policy_without_peers_lets_nobody_in() -> None:
    policy = only(MINIMAL | {"networkPolicy": {"enabled": True}}, "NetworkPolicy")

    assert policy["spec"]["ingress"] == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"artefact": {"configMap": "a", "persistentVolumeClaim": "b"}}, "not both"),
        ({"autoscaling": {"enabled": True, "cpu": None}}, "cpu or queueDepth"),
    ],
)
def test_values_that_contradict_each_other_are_refused(values: Values, message: str) -> None:
    with pytest.raises(HelmError, match=message):
        objects(MINIMAL | values)


def test_the_schema_is_that_of_the_routers_page() -> None:
    written = (CHART / "values.schema.json").read_text()

    assert written == SCHEMA.written(), "run `make chart-schema`"


def test_every_value_is_in_the_schema() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    assert set(values) | {"global"} == set(SCHEMA.values_schema()["properties"])
