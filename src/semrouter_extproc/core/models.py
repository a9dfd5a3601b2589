"""What the router knows of a model behind Envoy."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Final

from semrouter_extproc.core.apis import APIS, Api
from semrouter_extproc.core.needs import Feature, Needs
from semrouter_extproc.core.reasoning import Dialect, Reasoning

Sampling = Mapping[str, float]
"""Members such as `temperature`, for requests that leave them to the server."""


class Remedy(StrEnum):
    """What helps when a client leaves too few tokens for thinking and an answer."""

    OFF = "off"
    RAISE = "raise"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class ShortBudget:
    """When an answer's limit is too short to think, and what to do about it.

    A limit of fewer than `below` tokens is short. `cap` is the most that `RAISE` may give.
    """

    below: int
    then: Remedy
    cap: int


NO_GUARD: Final = ShortBudget(below=0, then=Remedy.OFF, cap=0)


@dataclass(frozen=True)
class Model:
    """A model, how it is told to reason, and what it cannot take.

    `context` is in tokens, None for one that nobody will fill. `thinking_sampling` and
    `direct_sampling` go with reasoning on and off.
    """

    name: str
    dialect: Dialect
    context: int | None = None
    lacks: frozenset[Feature] = frozenset()
    thinking_sampling: Sampling = field(default_factory=lambda: MappingProxyType({}))
    direct_sampling: Sampling = field(default_factory=lambda: MappingProxyType({}))
    short_budget: ShortBudget = NO_GUARD

    @cached_property
    def dialects(self) -> Mapping[Api, Dialect]:
        """The model's dialect in the members of each API."""
        return {api: api.dialect(self.dialect) for api in APIS.values()}

    @property
    def takes_anything(self) -> bool:
        """Whether no request is too long or too rich, so far as is known."""
        return self.context is None and not self.lacks

    def takes(self, needs: Needs) -> bool:
        """Say whether a request with `needs` can be answered."""
        fits = self.context is None or needs.tokens <= self.context
        return fits and self.lacks.isdisjoint(needs.features)

    def sampling(self, level: Reasoning, api: Api) -> Sampling:
        """Return the sampling that goes with `level`, as far as `api` has it."""
        if level is Reasoning.UNCHANGED:
            return {}
        chosen = self.thinking_sampling if level.thinks else self.direct_sampling
        return {name: value for name, value in chosen.items() if name in api.sampling}


def first_that_takes(needs: Needs, models: Iterable[Model]) -> Model | None:
    """Return the first of `models` that can answer a request with `needs`."""
    return next((model for model in models if model.takes(needs)), None)
