"""The configuration: one page of YAML, read once, every fault named with its path."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self
from urllib.parse import urlsplit

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from semrouter_extproc.core.policy import Policy, Route
from semrouter_extproc.core.reasoning import DIALECTS, Reasoning
from semrouter_extproc.errors import ConfigError


class Address(NamedTuple):
    """A host and a TCP port, written `host:port` (`[::1]:8080` for IPv6)."""

    host: str
    port: int

    def __str__(self) -> str:
        """Write the address as it stands in a configuration."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def reachable(self) -> "Address":
        """The address a client on this machine connects to when we listen on this one."""
        return self._replace(host={"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host))  # noqa: S104 - compared, not bound


def _parse_address(value: object) -> Address:
    if isinstance(value, Address):
        return value
    if not isinstance(value, str):
        raise ValueError("write it as host:port")  # noqa: TRY004 - pydantic reports ValueError only
    try:
        parts = urlsplit(f"//{value}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"write it as host:port ({error})") from None
    if not host or not port or parts.path or parts.username:
        raise ValueError("write it as host:port, with a port from 1 to 65535")
    return Address(host, port)


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def _parse_duration(value: object) -> float:
    """Read `250ms`, `5s`, `2m`, `1h` as seconds."""
    if isinstance(value, str):
        number = value.rstrip("msh")
        unit = value[len(number) :]
        if unit in _UNITS and number.replace(".", "", 1).isdigit():
            return float(number) * _UNITS[unit]
    raise ValueError("write a duration with its unit, such as 250ms or 5s")


def _write_duration(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _parse_reasoning(value: object) -> object:
    # YAML 1.1 reads a bare on or off as a boolean, which is just what people write here.
    return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Say that `name` is not known, and what is."""
    return f"unknown {kind} {name!r}; known are {', '.join(sorted(known))}"


def _known_dialect(name: str) -> str:
    if name not in DIALECTS:
        raise ValueError(_unknown("dialect", name, DIALECTS))
    return name


HostPort = Annotated[
    Address, BeforeValidator(_parse_address, json_schema_input_type=str), PlainSerializer(str)
]
Duration = Annotated[
    float,
    BeforeValidator(_parse_duration, json_schema_input_type=str),
    PlainSerializer(_write_duration),
    Field(gt=0),
]
Level = Annotated[Reasoning, BeforeValidator(_parse_reasoning)]
DialectName = Annotated[str, AfterValidator(_known_dialect)]
# Names travel in header values and in Envoy's cluster names.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:+-]{0,199}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Server(_Section):
    """Where the router listens, and its bounds."""

    grpc: HostPort = Address("127.0.0.1", 50051)
    admin: HostPort = Address("127.0.0.1", 9190)
    deadline: Duration = 0.25
    max_body: ByteSize = ByteSize(16 * 1024 * 1024)
    drain_delay: Duration = 5.0
    drain_timeout: Duration = 25.0


class Encoder(_Section):
    """The model that turns prompts into vectors, and how it is fed."""

    model: str = "all-MiniLM-L6-v2"
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    threads: int | None = Field(default=None, ge=1)
    max_batch_chars: int | None = Field(default=None, ge=1)
    max_queue: int = Field(default=256, ge=1)
    max_prompt_chars: int = Field(default=8000, ge=1)


class Classifier(_Section):
    """The learned categories, and how sure the router must be."""

    centroids: str = "mmlu-pro"
    min_margin: float = Field(default=0.1, ge=0, lt=1)


class Model(_Section):
    """A model behind Envoy: how its reasoning is switched, and who serves it."""

    dialect: DialectName
    endpoints: tuple[HostPort, ...] = Field(min_length=1)


class RouteConfig(_Section):
    """Where a category goes. Without a model, to the default one."""

    reasoning: Level
    model: Name | None = None


class DefaultRoute(_Section):
    """Where everything goes that is not routed: unsure, late, overloaded, without text."""

    model: Name
    reasoning: Level = Reasoning.OFF


class Envoy(_Section):
    """The Envoy in front, for `semrouter envoy-config` and the demo."""

    listen: HostPort = Address("0.0.0.0", 8080)  # noqa: S104 - an ingress listens everywhere
    admin: HostPort = Address("127.0.0.1", 9901)
    router: tuple[HostPort, ...] | None = Field(default=None, min_length=1)
    message_timeout: Duration = 1.0
    fail_open: bool = True


class Config(_Section):
    """The whole page."""

    server: Server = Server()
    encoder: Encoder = Encoder()
    classifier: Classifier = Classifier()
    aliases: tuple[Name, ...] = Field(default=("auto", "MoM"), min_length=1)
    models: Mapping[Name, Model] = Field(min_length=1)
    default: DefaultRoute
    routes: Mapping[str, RouteConfig] = {}
    envoy: Envoy = Envoy()

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        faults = [*self._unknown_models(), *self._shadowing_aliases(), *self._ports_used_twice()]
        if self.envoy.message_timeout <= self.server.deadline:
            faults.append(
                "envoy.message_timeout: must exceed server.deadline "
                f"({_write_duration(self.server.deadline)}), or Envoy gives up first"
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
                [f"routes.{name}: {_unknown('category', name, labels)}" for name in strangers],
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
                yield f"{path}: {_unknown('model', model, self.models)}"

    def _shadowing_aliases(self) -> Iterable[str]:
        for index, alias in enumerate(self.aliases):
            if alias in self.models:
                yield f"aliases.{index}: {alias!r} is also the name of a model"

    def _ports_used_twice(self) -> Iterable[str]:
        taken: dict[int, str] = {}
        for path, address in {
            "server.grpc": self.server.grpc,
            "server.admin": self.server.admin,
            "envoy.listen": self.envoy.listen,
            "envoy.admin": self.envoy.admin,
        }.items():
            if address.port in taken:
                yield f"{path}: port {address.port} is already that of {taken[address.port]}"
            taken.setdefault(address.port, path)


def load(path: Path) -> Config:
    """Read and validate a configuration file, raising `ConfigError` with every fault."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [f"cannot be read: {error}"]) from None
    try:
        document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise ConfigError(str(path), [f"is not valid YAML: {_one_line(error)}"]) from None
    return parse(document, source=str(path))


def parse(document: object, *, source: str) -> Config:
    """Validate a configuration that is already plain data, such as a parsed YAML file."""
    try:
        return Config.model_validate(document)
    except ValidationError as error:
        faults = [fault for details in error.errors() for fault in _describe(details)]
        raise ConfigError(source, faults) from None


def _describe(error: ErrorDetails) -> Iterable[str]:
    """Turn one pydantic error into lines of `path: what is wrong`."""
    path = ".".join(str(step) for step in error["loc"] if step != "[key]")
    if error["type"] == "extra_forbidden":
        close = get_close_matches(str(error["loc"][-1]), _known_keys(), n=1)
        yield f"{path}: unknown key" + (f", did you mean {close[0]}?" if close else "")
        return
    message = error["msg"].removeprefix("Value error, ")
    for line in message.splitlines():
        # The checks across sections name their own paths.
        yield f"{path}: {line}" if path else line


def _known_keys() -> set[str]:
    return {key for section in _Section.__subclasses__() for key in section.model_fields}


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


class _StrictLoader(yaml.SafeLoader):
    """YAML without its quietest trap: a key written twice, where the last would win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001 - PyYAML's signature
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                mark = node.value[index][0].start_mark
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands twice", mark)
        return super().construct_mapping(node, deep=deep)
