"""The page itself: its sections, their defaults, and what must agree between them."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from itertools import combinations
from typing import Literal, Self

from pydantic import ByteSize, Field, model_validator

from semrouter_extproc.config.dialects import (
    Families,
    Family,
    built_in_families,
    dialects_of,
    merged,
)
from semrouter_extproc.config.model import Model
from semrouter_extproc.config.section import Section
from semrouter_extproc.config.values import (
    Address,
    Duration,
    HostPort,
    Level,
    Name,
    Tag,
    unknown,
    write_duration,
)
from semrouter_extproc.core import rules
from semrouter_extproc.core.intent import Vocabulary
from semrouter_extproc.core.models import Remedy
from semrouter_extproc.core.policy import PAPER_POLICY, Policy, Route
from semrouter_extproc.core.prompt import Reading
from semrouter_extproc.core.prompting import SystemPrompt
from semrouter_extproc.core.reasoning import Dialect, Reasoning
from semrouter_extproc.errors import ConfigError


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


class Classifier(Section):
    """The learned categories, and how sure the router must be."""

    centroids: str = "mmlu-pro"
    min_margin: float = Field(default=0.1, ge=0, lt=1)


class Prompt(Section):
    """The text of a conversation that is classified."""

    max_chars: int = Field(default=Reading.max_chars, ge=1)
    enough_chars: int = Field(default=Reading.enough_chars, ge=0)
    injected_tags: tuple[Tag, ...] = ()

    def compile(self) -> Reading:
        """Return how conversations are read."""
        return Reading(
            max_chars=self.max_chars,
            enough_chars=self.enough_chars,
            injected_tags=Reading.injected_tags.union(self.injected_tags),
        )


class Clients(Section):
    """What clients may ask for beside an alias."""

    named_models: Literal["leave", "switch"] = "leave"
    unknown_models: Literal["pass", "refuse"] = "pass"
    reasoning_header: bool = False

    def compile(self) -> rules.Clients:
        """Return what clients may do."""
        return rules.Clients(
            named_models_switch=self.named_models == "switch",
            unknown_models_pass=self.unknown_models == "pass",
            header_counts=self.reasoning_header,
        )


class SystemPromptConfig(Section):
    """Text around the system prompt that the client sends."""

    prepend: str = ""
    append: str = ""


class RouteConfig(Section):
    """Where a category goes. Without a model, to the default one."""

    reasoning: Level
    model: Name | None = None
    system_prompt: SystemPromptConfig = SystemPromptConfig()


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
    prompt: Prompt = Prompt()
    clients: Clients = Clients()
    dialects: Mapping[Name, Family] = Field(default_factory=dict)
    aliases: tuple[Name, ...] = Field(default=("auto", "MoM"), min_length=1)
    models: Mapping[Name, Model] = Field(min_length=1)
    default: DefaultRoute
    routes: Mapping[str, RouteConfig] = Field(default_factory=paper_routes)
    envoy: Envoy = Envoy()

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        faults = [
            *self._unknown_models(),
            *self._unknown_dialects(),
            *self._shadowing_aliases(),
            *self._ports_used_twice(),
        ]
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

    @cached_property
    def families(self) -> Families:
        """The table of dialects, with what this page adds to it."""
        return merged(self.dialects, built_in_families())

    def rules(self, labels: Sequence[str]) -> rules.Rules:
        """Compile the page for the categories of an artefact.

        Raises `ConfigError` for a route whose category the artefact does not have.
        """
        return rules.Rules(
            policy=self._policy(labels),
            models={
                name: model.compile(name, self._dialect(model))
                for name, model in self.models.items()
            },
            aliases=self.aliases,
            vocabulary=Vocabulary(dialects_of(self.families)),
            clients=self.clients.compile(),
            reading=self.prompt.compile(),
        )

    def _dialect(self, model: Model) -> Dialect:
        row = self.families[model.dialect].row(model.backend)
        if row is None:
            return Dialect(model.dialect, {})
        return row.dialect(model.dialect, model.backend)

    def _policy(self, labels: Sequence[str]) -> Policy:
        strangers = [category for category in self.routes if category not in labels]
        if strangers:
            raise ConfigError(
                f"centroids {self.classifier.centroids}",
                [f"routes.{name}: {unknown('category', name, labels)}" for name in strangers],
            )
        default = Route(self.default.model, self.default.reasoning)
        return Policy(
            labels=labels,
            routes={category: self._route(route) for category, route in self.routes.items()},
            default=default,
            min_margin=self.classifier.min_margin,
        )

    def _route(self, route: RouteConfig) -> Route:
        framing = SystemPrompt(route.system_prompt.prepend, route.system_prompt.append)
        return Route(route.model or self.default.model, route.reasoning, framing)

    def _unknown_dialects(self) -> Iterable[str]:
        for name, model in self.models.items():
            family = self.families.get(model.dialect)
            if family is None:
                yield f"models.{name}.dialect: {_unknown_dialect(model.dialect, self.families)}"
            elif family.spellings and family.row(model.backend) is None:
                backends = {backend.value for row in family.spellings for backend in row.backends}
                fault = unknown("backend", model.backend.value, backends)
                yield f"models.{name}.backend: for {model.dialect}, {fault}; add it under dialects"
            elif model.short_budget.then is Remedy.LIMIT and not self._dialect(model).budget:
                yield (
                    f"models.{name}.short_budget.then: {model.dialect} on {model.backend} has no "
                    "member for a budget of thinking; use off or raise"
                )

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


def _unknown_dialect(name: str, families: Families) -> str:
    close = get_close_matches(name, families, n=1, cutoff=0.5)
    meant = f", did you mean {close[0]}?" if close else ";"
    return f"unknown dialect {name!r}{meant} `semrouter dialects` lists all"
