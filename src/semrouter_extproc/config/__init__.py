"""The configuration: one page of YAML, read once, every fault named with its path."""

from semrouter_extproc.config.loading import load, parse
from semrouter_extproc.config.schema import Config
from semrouter_extproc.config.sections import (
    Encoder,
    Log,
    Recorder,
    RemoteEncoder,
    RouterTls,
    Server,
    Tls,
    Tracing,
)
from semrouter_extproc.config.values import Address

__all__ = [
    "Address",
    "Config",
    "Encoder",
    "Log",
    "Recorder",
    "RemoteEncoder",
    "RouterTls",
    "Server",
    "Tls",
    "Tracing",
    "load",
    "parse",
]
