"""The page itself: what must agree between its parts, and what it comes to."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from semrouter_extproc.config.dialects import (
    Families,
    Family,
    built_in_families,
    dialects_of,
    merged,
)
from semrouter_extproc.config.model import Model
from semrouter_extproc.config.sections import (
    LEARNED,
    Classifier,
    Clients,
    DefaultRoute,
    Encoder,
    Envoy,
    Learned,
    Log,
    Prompt,
    Recorder,
    RouteConfig,
    Section,
    Server,
    Tracing,
    paper_routes,
)
from semrouter_extproc.config.values import (
    Address,
    Name,
    did_you_mean,
    unknown,
    write_duration,
)
from semrouter_extproc.core import rules
from semrouter_extproc.core.intent import Vocabulary
from semrouter_extproc.core.models import Remedy
from semrouter_extproc.core.outcomes import Outcomes
from semrouter_extproc.core.policy import Policy, Route
from semrouter_extproc.core.reasoning import Dialect
from semrouter_extproc.errors import ConfigError

VERSION: Final = 1
"""Grows when a page that was valid would mean something else, or nothing."""


class Config(Section):
    """The whole page."""

    version: Literal[1] = 1
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
    learned: Learned | None = None
    recorder: Recorder = Recorder()
    log: Log = Log()
    tracing: Tracing = Tracing()
    shadow: Path | None = None
    envoy: Envoy = Envoy()

    @field_validator("version", mode="before")
    @classmethod
    def _is_read_here(cls, version: object) -> object:
        if version != VERSION:
            raise ValueError(
                f"this router reads pages of version {VERSION}; docs/versions.md of the release "
                "that reads both says what changed"
            )
        return version

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        faults = [
            *self._unknown_models(),
            *self._learned_without_number(),
            *self._unknown_dialects(),
            *self._shadowing_aliases(),
            *self._ports_used_twice(),
        ]
        if self.envoy.message_timeout <= self.server.deadline:
            faults.append(
                "envoy.message_timeout: must exceed server.deadline "
                f"({write_duration(self.server.deadline)}), or Envoy gives up first"
            )
        remote = self.encoder.remote
        if remote is not None and remote.deadline > self.server.deadline:
            faults.append(
                "encoder.remote.deadline: must not exceed server.deadline "
                f"({write_duration(self.server.deadline)}), or nobody waits for the answer"
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

    def rules(
        self,
        labels: Sequence[str],
        familiarity_bars: NDArray[np.float64] | None = None,
        outcomes: Outcomes | None = None,
    ) -> rules.Rules:
        """Compile the page for the categories of an artefact, and what it learned from records.

        `familiarity_bars` are those of `core.policy.Policy`. Raises `ConfigError` for a route
        whose category, or arm, the artefact does not have.
        """
        learned = None if self.learned is None else self.learned.compile(self._arms_in(outcomes))
        return rules.Rules(
            learned=learned,
            policy=self._policy(labels, familiarity_bars),
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

    def _policy(
        self, labels: Sequence[str], familiarity_bars: NDArray[np.float64] | None
    ) -> Policy:
        strangers = [category for category in self.routes if category not in labels]
        if strangers:
            raise ConfigError(
                f"centroids {self.classifier.centroids}",
                [f"routes.{name}: {unknown('category', name, labels)}" for name in strangers],
            )
        default = Route(self.default.model, self.default.reasoning)
        arms = self.learned.arms if self.learned else {}
        return Policy(
            labels=labels,
            routes={
                category: route.compile(self.default.model, arms)
                for category, route in self.routes.items()
            },
            default=default,
            min_margin=self.classifier.min_margin,
            familiarity_bars=familiarity_bars,
        )

    def _arms_in(self, outcomes: Outcomes | None) -> Outcomes:
        """Return `outcomes`, of which every arm is known here."""
        if outcomes is None:
            fault = "nothing was learned from records here; `semrouter tune` does that"
            raise ConfigError(f"centroids {self.classifier.centroids}", [f"learned: {fault}"])
        arms = self.learned.arms if self.learned else {}
        strangers = [name for name in outcomes.arms if name not in arms]
        if strangers:
            raise ConfigError(
                f"centroids {self.classifier.centroids}",
                [f"learned.arms: say what {name!r} is here" for name in strangers],
            )
        return outcomes

    def _learned_without_number(self) -> Iterable[str]:
        for name, route in self.routes.items():
            if route.reasoning == LEARNED and self.learned is None:
                yield f"routes.{name}.reasoning: `learned` needs a section `learned`"

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
        if self.learned is not None:
            named |= {
                f"learned.arms.{name}.model": a.model for name, a in self.learned.arms.items()
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
    meant = did_you_mean(name, families, cutoff=0.5) or ";"
    return f"unknown dialect {name!r}{meant} `semrouter dialects` lists all"
