"""The parts of the page, and their defaults."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ByteSize, ConfigDict, Field, field_validator, model_validator

from semrouter_extproc.config.values import (
    Address,
    Duration,
    HeaderName,
    HostPort,
    Level,
    Name,
    Tag,
)
from semrouter_extproc.core import learned as core_learned
from semrouter_extproc.core import rules
from semrouter_extproc.core.centroids import SCOPE_SHARES
from semrouter_extproc.core.frontier import Aim
from semrouter_extproc.core.outcomes import Outcomes
from semrouter_extproc.core.policy import PAPER_POLICY, Route
from semrouter_extproc.core.prompt import Reading
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.core.wording import SystemPrompt

LEARNED: Final = "learned"


class Section(BaseModel):
    """A part of the page: every key is known, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Tls(Section):
    """The certificate that a port shows, and whose clients it lets in."""

    cert: Path
    key: Path
    client_ca: Path | None = None


class Server(Section):
    """Where the router listens, and its bounds."""

    grpc: HostPort = Address("127.0.0.1", 50051)
    tls: Tls | None = None
    admin: HostPort = Address("127.0.0.1", 9190)
    admin_token_env: str | None = None
    model_header: HeaderName | None = None
    deadline: Duration = Field(default=0.25, gt=0)
    # gRPC counts a message's bytes in 31 bits, and headers come on top.
    max_body: ByteSize = Field(default=ByteSize(16 * 1024 * 1024), gt=0, le=2**30)
    drain_delay: Duration = 5.0
    drain_timeout: Duration = 25.0


class RemoteEncoder(Section):
    """A server of embeddings that stands in for an encoder of our own."""

    url: str
    deadline: Duration = Field(default=0.15, gt=0)
    api_key_env: str | None = None

    @field_validator("url")
    @classmethod
    def _is_bare(cls, url: str) -> str:
        if not re.fullmatch(r"https?://[^\s@?#]+", url):
            raise ValueError(
                "must be http(s)://HOST:PORT/v1, without user and query; "
                "a key is taken from the variable that api_key_env names"
            )
        return url


class Encoder(Section):
    """The model that turns prompts into vectors, and how it is fed."""

    model: str = "all-MiniLM-L6-v2"
    backend: Literal["auto", "onnx", "torch"] = "auto"
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    remote: RemoteEncoder | None = None
    threads: int | None = Field(default=None, ge=1)
    max_batch_tokens: int | None = Field(default=None, ge=1)
    max_queue: int = Field(default=4096, ge=1)

    @model_validator(mode="after")
    def _keys_go_together(self) -> Self:
        own = (self.backend, self.device, self.threads, self.max_batch_tokens)
        if self.remote is not None and own != ("auto", "auto", None, None):
            raise ValueError(
                "with `remote`, the server decides about backend, device, threads and "
                "max_batch_tokens; leave them out"
            )
        if self.backend == "onnx" and self.device.startswith("cuda"):
            raise ValueError("backend onnx runs on the CPU; for a GPU, backend: torch")
        return self


class Classifier(Section):
    """The learned categories, and how sure the router must be."""

    centroids: str = "mmlu-pro"
    min_margin: float = Field(default=0.1, ge=0, lt=1)
    out_of_scope: float = Field(default=0.0, ge=0, le=SCOPE_SHARES[-1])
    static_tier: bool = True
    cache: ByteSize = Field(default=ByteSize(16 * 1024 * 1024), ge=0)


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

    reasoning: Level | Literal["learned"]
    model: Name | None = None
    system_prompt: SystemPromptConfig = SystemPromptConfig()

    def compile(self, default_model: str, arms: Mapping[str, "Arm"]) -> Route:
        """Return the route, to `default_model` where none is named; a learned one has `arms`."""
        framing = SystemPrompt(self.system_prompt.prepend, self.system_prompt.append)
        model = self.model or default_model
        if self.reasoning != LEARNED:
            return Route(model, self.reasoning, framing)
        routes = {
            name: Route(arm.model or model, arm.reasoning, framing) for name, arm in arms.items()
        }
        return Route(model, Reasoning.UNCHANGED, framing, routes)


class Arm(Section):
    """What an arm of the records is here. Without a model, that of the route."""

    reasoning: Level
    model: Name | None = None


USUAL_ARMS: Final[Mapping[str, Arm]] = {
    "direct": Arm(reasoning=Reasoning.OFF),
    "reasoning": Arm(reasoning=Reasoning.ON),
}


class Learned(Section):
    """What routes with `reasoning: learned` spend: one number, in the unit that suits."""

    token_share: float | None = Field(default=None, ge=0, le=1)
    reasoning_share: float | None = Field(default=None, ge=0, le=1)
    tokens_per_point: float | None = Field(default=None, gt=0)
    floor_points: float | None = Field(default=None, ge=0, le=100)
    arms: Mapping[str, Arm] = Field(default_factory=lambda: dict(USUAL_ARMS))

    @model_validator(mode="after")
    def _is_one_number(self) -> Self:
        if len(self._numbers()) != 1:
            raise ValueError(f"give exactly one of {', '.join(aim.value for aim in Aim)}")
        return self

    def compile(self, outcomes: Outcomes) -> core_learned.Learned:
        """Return what `outcomes` decide for this number."""
        ((aim, amount),) = self._numbers().items()
        return core_learned.Learned(outcomes, outcomes.frontier.compiled(aim, amount))

    def _numbers(self) -> Mapping[Aim, float]:
        given = {aim: getattr(self, aim.value) for aim in Aim}
        return {aim: amount for aim, amount in given.items() if amount is not None}


def paper_routes() -> dict[str, RouteConfig]:
    """Return the table of the paper "When to Reason" for the categories of MMLU-Pro."""
    return {category: RouteConfig(reasoning=level) for category, level in PAPER_POLICY.items()}


class DefaultRoute(Section):
    """Where everything goes that is not routed: unsure, late, overloaded, without text."""

    model: Name
    reasoning: Level = Reasoning.OFF


class Recorder(Section):
    """Which requests are kept on disk, and what of them."""

    folder: Path | None = None
    share: float = Field(default=0.01, gt=0, le=1)
    redact: Literal["text", "none"] = "text"
    max_bytes: ByteSize = Field(default=ByteSize(256 * 1024 * 1024), ge=16 * 1024 * 1024)


class Log(Section):
    """Which decisions become a line of the log, and whether with their prompts."""

    decisions: float = Field(default=0, ge=0, le=1)
    prompts: bool = False
    redact: str | None = Field(default=None, pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")

    @model_validator(mode="after")
    def _prompts_are_redacted(self) -> Self:
        if self.redact is not None and not self.prompts:
            raise ValueError("`redact` is for the prompts in the log; with it, `prompts: true`")
        return self


class Tracing(Section):
    """Who is told of traces, by Envoy and by the router, and of how many."""

    collector: HostPort | None = None
    share: float = Field(default=0.01, ge=0, le=1)


class RouterTls(Section):
    """How Envoy knows the router, and what it shows of itself. The files are on Envoy's side."""

    ca: Path
    name: str = Field(pattern=r"^[A-Za-z0-9.-]+$")
    cert: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _is_a_pair(self) -> Self:
        if (self.cert is None) != (self.key is None):
            raise ValueError("`cert` and `key` go together")
        return self


class Envoy(Section):
    """The Envoy in front, for `semrouter envoy-config` and the demo."""

    listen: HostPort = Address("0.0.0.0", 8080)  # noqa: S104 - an ingress listens everywhere
    admin: HostPort = Address("127.0.0.1", 9901)
    router: tuple[HostPort, ...] | None = Field(default=None, min_length=1)
    router_tls: RouterTls | None = None
    message_timeout: Duration = 1.0
    # Little's law: two cores finish some 200 requests a second, and nobody waits longer than the
    # deadline of a quarter of a second.
    max_streams: int = Field(default=50, ge=1)
    fail_open: bool = True
