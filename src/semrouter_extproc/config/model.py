"""The part of the page about one model behind Envoy."""

from typing import Self

from pydantic import Field, model_validator

from semrouter_extproc.config.dialects import Backend
from semrouter_extproc.config.sections import Section
from semrouter_extproc.config.values import HostPort, RemedyName
from semrouter_extproc.core import models
from semrouter_extproc.core.needs import Feature
from semrouter_extproc.core.reasoning import Dialect


class SamplingOverride(Section):
    """Sampling for one mode, where the client sets none itself."""

    temperature: float | None = Field(default=None, ge=0)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=-1)
    min_p: float | None = Field(default=None, ge=0, le=1)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    repetition_penalty: float | None = Field(default=None, gt=0)


class Sampling(Section):
    """Sampling by mode; Qwen3, for one, wants other temperatures for thinking."""

    thinking: SamplingOverride = SamplingOverride()
    direct: SamplingOverride = SamplingOverride()


class ShortBudget(Section):
    """What to do when the client leaves fewer tokens than thinking needs."""

    below: int = Field(default=1024, ge=0)
    then: RemedyName = models.Remedy.OFF
    cap: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _cap_is_for_raising(self) -> Self:
        if (self.then is models.Remedy.RAISE) != (self.cap is not None):
            raise ValueError("`cap` belongs to `then: raise`: the most tokens it may give")
        if self.cap is not None and self.cap < self.below:
            raise ValueError(f"`cap` leaves less than `below` ({self.below}) to think and answer")
        return self


class Model(Section):
    """A model: how its reasoning is switched, what it can take, and who serves it."""

    dialect: str
    backend: Backend = Backend.VLLM
    endpoints: tuple[HostPort, ...] = Field(min_length=1)
    context: int | None = Field(default=None, ge=1)
    lacks: frozenset[Feature] = frozenset()
    sampling: Sampling = Sampling()
    short_budget: ShortBudget = ShortBudget()

    def compile(self, name: str, dialect: Dialect) -> models.Model:
        """Return what the router must know of the model."""
        guard = self.short_budget
        return models.Model(
            name=name,
            dialect=dialect,
            context=self.context,
            lacks=self.lacks,
            thinking_sampling=self.sampling.thinking.model_dump(exclude_none=True),
            direct_sampling=self.sampling.direct.model_dump(exclude_none=True),
            short_budget=models.ShortBudget(guard.below, guard.then, guard.cap or 0),
        )
