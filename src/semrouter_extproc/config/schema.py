"""The page itself: its sections, their defaults, and what must agree between them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Self

from pydantic import BaseModel, ByteSize, ConfigDict, Field, model_validator

from semrouter_extproc.config.values import (
    Address,
    DialectName,
    Duration,
    HostPort,
    Level,
    Name,
    unknown,
    write_duration,
)
from semrouter_extproc.core.policy import PAPER_POLICY, Policy, Route
from semrouter_extproc.core.reasoning import DIALECTS, Reasoning
from semrouter_extproc.errors import ConfigError


class Section(BaseModel):
    """A part of the page: every key is known, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Server(Section):
    """Where the router listens, and its bounds."""

    grpc: HostPort = Address("127.0.0.1", 50051)
    admin: HostPort = Address("127.0.0.1", 9190)
    deadline: Duration = Field(default=0.25, gt=0)
    # gRPC counts a message's bytes in 31 bits, and headers come on top.
    max_body: ByteSize = Field(default=ByteSize(16 * 1024 * 1024), gt=0, le=2**30)
    drain_delay: Duration = 5.0
    drain_timeout: Duration = 25.0


class Encoder(Section):
    """The model that turns prompts into vectors, and how it is fed."""

    model: str = "all-MiniLM-L6-v2"
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    threads: int | None = Field(default=None, ge=1)
    max_batch_chars: int | None = Field(default=None, ge=1)
    max_queue: int = Field(default=256, ge=1)
    max_prompt_chars: int = Field(default=8000, ge=1)


class Classifier(Section):
    """The learned categories, and how sure the router must be."""

    centroids: str = "mmlu-pro"
    min_margin: float = Field(default=0.1, ge=0, lt=1)


class Model(Section):
    """A model behind Envoy: how its reasoning is switched, and who serves it."""

    dialect: DialectName
    endpoints: tuple[HostPort, ...] = Field(min_length=1)


class RouteConfig(Section):
    """Where a category goes. Without a model, to the default one."""

    reasoning: Level
    model: Name | None = None


def paper_routes() -> dict[str, RouteConfig]:
    """Return the table of the paper "When to Reason" for the categories of MMLU-Pro."""
    return {category: RouteConfig(reasoning=level) for category, level in PAPER_POLICY.items()}


class DefaultRoute(Section):
    """Where everything goes that is not routed: unsure, late, overloaded, without text."""

    model: Name
    reasoning: Level = Reasoning.OFF


class Envoy(Section):
    """The Envoy in front, for `semrouter envoy-config` and the demo."""

    listen: HostPort = Address("0.0.0.0", 8080)  # noqa: S104 - an ingress listens everywhere
    admin: HostPort = Address("127.0.0.1", 9901)
    router: tuple[HostPort, ...] | None = Field(default=None, min_length=1)
    message_timeout: Duration = 1.0
    fail_open: bool = True


class Config(Section):
    """The whole page."""

    server: Server = Server()
    encoder: Encoder = Encoder()
    classifier: Classifier = Classifier()
    aliases: tuple[Name, ...] = Field(default=("auto", "MoM"), min_length=1)
    models: Mapping[Name, Model] = Field(min_length=1)
    default: DefaultRoute
    routes: Mapping[str, RouteConfig] = Field(default_factory=paper_routes)
    envoy: Envoy = Envoy()

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        faults = [*self._unknown_models(), *self._shadowing_aliases(), *self._ports_used_twice()]
        if self.envoy.message_timeout <= self.server.deadline:
            faults.append(
                "envoy.message_timeout: must exceed server.deadline "
                f"({write_duration(self.server.deadline)}), or Envoy gives up first"
            )
        if faults:
            raise ValueError("\n".join(faults))
        return self

    @property
    def router_endpoints(self) -> tuple[Address, ...]:
        """Where Envoy finds the router."""
        return self.envoy.router or (self.server.grpc.reachable,)

    def policy(self, labels: Sequence[str]) -> Policy:
        """Compile the routes for the categories of an artefact.

        Raises `ConfigError` for a route whose category the artefact does not have.
        """
        strangers = [category for category in self.routes if category not in labels]
        if strangers:
            raise ConfigError(
                f"centroids {self.classifier.centroids}",
                [f"routes.{name}: {unknown('category', name, labels)}" for name in strangers],
            )
        return Policy(
            labels=labels,
            routes={category: self._route(route) for category, route in self.routes.items()},
            default=self._route(self.default),
            dialects={name: DIALECTS[model.dialect] for name, model in self.models.items()},
            aliases=frozenset(self.aliases),
            min_margin=self.classifier.min_margin,
        )

    def _route(self, route: RouteConfig | DefaultRoute) -> Route:
        return Route(route.model or self.default.model, route.reasoning)

    def _unknown_models(self) -> Iterable[str]:
        named = {"default.model": self.default.model} | {
            f"routes.{category}.model": route.model for category, route in self.routes.items()
        }
        for path, model in named.items():
            if model is not None and model not in self.models:
                yield f"{path}: {unknown('model', model, self.models)}"

    def _shadowing_aliases(self) -> Iterable[str]:
        for index, alias in enumerate(self.aliases):
            if alias in self.models:
                yield f"aliases.{index}: {alias!r} is also the name of a model"

    def _ports_used_twice(self) -> Iterable[str]:
        listeners = {
            "server.grpc": self.server.grpc,
            "server.admin": self.server.admin,
            "envoy.listen": self.envoy.listen,
            "envoy.admin": self.envoy.admin,
        }
        for (path, address), (other_path, other) in combinations(reversed(listeners.items()), 2):
            if address.overlaps(other):
                yield f"{path}: port {address.port} is already that of {other_path}"
        for name, model in self.models.items():
            for index, endpoint in enumerate(model.endpoints):
                for path, address in listeners.items():
                    if endpoint.reaches(address):
                        yield f"models.{name}.endpoints.{index}: {endpoint} is that of {path}"
