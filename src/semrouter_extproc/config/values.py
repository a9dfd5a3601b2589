"""The kinds of value that stand in a configuration, and how people write them."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from ipaddress import ip_address
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, StringConstraints

from semrouter_extproc.core.models import Remedy
from semrouter_extproc.core.reasoning import Reasoning

_LOOPBACK_OF: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
_ADDRESS: Final = re.compile(r"[^\s/?#@]+:[0-9]+")


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
        return self._replace(host=_LOOPBACK_OF.get(self.host, self.host))

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this machine can connect."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def overlaps(self, other: "Address") -> bool:
        """Say whether one machine could not listen on both."""
        wildcard = bool({self.host, other.host} & _LOOPBACK_OF.keys())
        return self.port == other.port and (wildcard or self.host == other.host)

    def reaches(self, listener: "Address") -> bool:
        """Say whether a client on this machine that connects here finds `listener`."""
        host = "127.0.0.1" if self.host == "localhost" else self.host
        return self._replace(host=host) in (listener, listener.reachable)


def _parse_address(value: object) -> Address:
    if isinstance(value, Address):
        return value
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise ValueError("write it as host:port, with a port from 1 to 65535")
    try:
        parts = urlsplit(f"//{value}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"write it as host:port ({error})") from None
    if not host or not port:
        raise ValueError("write it as host:port, with a port from 1 to 65535")
    return Address(host, port)


_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"(?P<number>[0-9]+(\.[0-9]+)?)(?P<unit>ms|s|m|h)")


def _parse_duration(value: object) -> float:
    """Read `250ms`, `5s`, `2m`, `1h` as seconds."""
    if isinstance(value, str) and (written := _DURATION.fullmatch(value)):
        return float(written["number"]) * _UNITS[written["unit"]]
    raise ValueError("write a duration with its unit, such as 250ms or 5s")


def write_duration(seconds: float) -> str:
    """Write a duration in milliseconds, as `250ms`."""
    return f"{seconds * 1000:g}ms"


def _parse_switch(value: object) -> object:
    # YAML 1.1 reads a bare on or off as a boolean, which is just what people write here.
    return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Say that `name` is not known, and what is."""
    return f"unknown {kind} {name!r}; known are {', '.join(sorted(known))}"


def did_you_mean(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return `, did you mean NAME?` for the closest of `known`, "" where none is close."""
    close = get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f", did you mean {close[0]}?" if close else ""


_TAKEN: Final = re.compile(r"x-(semrouter-|envoy-|forwarded-).*|x-request-id|x-reasoning|x-api-key")


def _free_header(name: str) -> str:
    if _TAKEN.fullmatch(name):
        raise ValueError("this header has a meaning already; take another name")
    return name


# What is written stands in the JSON Schema: editors and Helm know no more than that.
_Written = StringConstraints
HostPort = Annotated[
    Address,
    BeforeValidator(
        _parse_address,
        json_schema_input_type=Annotated[str, _Written(pattern=f"^{_ADDRESS.pattern}$")],
    ),
    PlainSerializer(str),
]
Duration = Annotated[
    float,
    BeforeValidator(
        _parse_duration,
        json_schema_input_type=Annotated[str, _Written(pattern=r"^[0-9]+(\.[0-9]+)?(ms|s|m|h)$")],
    ),
    PlainSerializer(write_duration),
]
Level = Annotated[
    Reasoning, BeforeValidator(_parse_switch, json_schema_input_type=Reasoning | bool)
]
RemedyName = Annotated[Remedy, BeforeValidator(_parse_switch, json_schema_input_type=Remedy | bool)]
# Names travel in header values and in Envoy's cluster names.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:+-]{0,199}$")]
Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]+$")]
HeaderName = Annotated[
    str,
    StringConstraints(pattern=r"^[Xx]-[A-Za-z0-9-]+$", to_lower=True),
    AfterValidator(_free_header),
]
