"""What questions travel through: a real Envoy, the router, and a model's server behind them."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from semrouter_extproc.artefact import load
from semrouter_extproc.config import Address, parse
from semrouter_extproc.core.policy import PAPER_POLICY
from semrouter_extproc.envoy.launcher import find_envoy
from semrouter_extproc.workbench.backend.machine import Machine, require
from semrouter_extproc.workbench.backend.server import MODEL, install, running_vllm
from semrouter_extproc.workbench.demo.stack import running_envoy, running_router
from semrouter_extproc.workbench.loopback import reserved_ports
from semrouter_extproc.workbench.progress import Progress


@dataclass(frozen=True, slots=True)
class Backend:
    """A model and its server."""

    model: str
    dialect: str
    address: Address


@contextmanager
def running_here(centroids: Path, folder: Path, progress: Progress) -> Iterator[Address]:
    """Run everything on this machine, vLLM with the small model too; yields Envoy's address.

    Raises `EnvironmentProblem` if a part cannot be set up or started.
    """
    require(Machine.here())
    with ExitStack() as parts:
        (vllm,) = parts.enter_context(reserved_ports(1))
        backend = Backend(MODEL, "qwen3", vllm)
        envoy = parts.enter_context(running_in_front(backend, centroids, folder, progress))
        # What is quickly found missing comes first, and vLLM's minutes last.
        installation = install(progress)
        parts.enter_context(running_vllm(installation, vllm, folder / "vllm.log", progress))
        yield envoy


@contextmanager
def running_in_front(
    backend: Backend, centroids: Path, folder: Path, progress: Progress
) -> Iterator[Address]:
    """Run Envoy and the router in front of a server; yields Envoy's address.

    Raises `EnvironmentProblem` if one cannot be started.
    """
    find_envoy()
    with ExitStack() as parts:
        grpc, admin, listen, envoy_admin = parts.enter_context(reserved_ports(4))
        config = parse(
            {
                **page_of(backend),
                "classifier": {"centroids": str(centroids)},
                "routes": _paper_routes(load(centroids).meta.labels),
                "server": {
                    "grpc": str(grpc),
                    "admin": str(admin),
                    # A model on the same cores must not keep the router from deciding.
                    "deadline": "5s",
                    # Nobody waits for it to drain.
                    "drain_delay": "0s",
                },
                "envoy": {
                    "listen": str(listen),
                    "admin": str(envoy_admin),
                    "message_timeout": "10s",
                    # An answer that went past the router would be counted as routed.
                    "fail_open": False,
                },
            },
            source="the experiment's configuration",
        )
        parts.enter_context(running_router(config, folder, progress))
        parts.enter_context(running_envoy(config, folder, progress))
        yield listen


def page_of(backend: Backend) -> dict[str, object]:
    """Return the configuration: the shipped one for this server."""
    return {
        "models": {
            backend.model: {
                "dialect": backend.dialect,
                "endpoints": [str(backend.address)],
                # All ways answer under the same limit, however low it is.
                "short_budget": {"below": 0},
            }
        },
        "default": {"model": backend.model, "reasoning": "off"},
        # Always on and always off are said by a header, and the dialect does the rest.
        "clients": {"reasoning_header": True},
    }


def _paper_routes(categories: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the paper's table, for those of its categories that there are."""
    known = PAPER_POLICY.keys() & set(categories)
    return {category: {"reasoning": PAPER_POLICY[category].value} for category in sorted(known)}


def require_valid(backend: Backend) -> None:
    """Raise ConfigError for a name or a dialect that no configuration takes."""
    parse(page_of(backend), source="the experiment's configuration")
