"""A model's server that costs little: an Envoy that answers every request itself."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from semrouter_extproc.config import Address
from semrouter_extproc.envoy.launcher import EnvoyProcess
from semrouter_extproc.workbench.loopback import reserved_ports

ONE_WORKER: Final = ("--concurrency", "1")

_FILTERS: Final = "type.googleapis.com/envoy.extensions.filters"
_COMPLETION: Final = {
    "object": "chat.completion",
    "choices": [{"message": {"role": "assistant", "content": "42"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 67, "completion_tokens": 2},
}


@contextmanager
def running_upstream(folder: Path) -> Iterator[Address]:
    """Run it, with a short completion for an answer."""
    folder.mkdir()
    with reserved_ports(2) as (listen, admin):
        bootstrap = {
            "admin": {"address": _socket(admin)},
            "static_resources": {"listeners": [_listener(listen)]},
        }
        with EnvoyProcess(yaml.safe_dump(bootstrap), folder, arguments=ONE_WORKER):
            yield listen


def _listener(address: Address) -> dict[str, Any]:
    manager = {
        "@type": f"{_FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "upstream",
        "http_filters": [
            # Who answers before the request is there in whole closes the connection after it.
            _http_filter("buffer", "Buffer", max_request_bytes=2**24),
            _http_filter("router", "Router"),
        ],
        "route_config": _answering_everything(),
    }
    name = "envoy.filters.network.http_connection_manager"
    return {
        "name": "upstream",
        "address": _socket(address),
        "filter_chains": [{"filters": [{"name": name, "typed_config": manager}]}],
    }


def _http_filter(name: str, kind: str, **settings: int) -> dict[str, Any]:
    typed = {"@type": f"{_FILTERS}.http.{name}.v3.{kind}", **settings}
    return {"name": f"envoy.filters.http.{name}", "typed_config": typed}


def _answering_everything() -> dict[str, Any]:
    answer = {"status": 200, "body": {"inline_string": json.dumps(_COMPLETION)}}
    routes = [{"match": {"prefix": "/"}, "direct_response": answer}]
    as_json = {
        "header": {"key": "content-type", "value": "application/json"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
    return {
        "response_headers_to_add": [as_json],
        "virtual_hosts": [{"name": "upstream", "domains": ["*"], "routes": routes}],
    }


def _socket(address: Address) -> dict[str, Any]:
    return {"socket_address": {"address": address.host, "port_value": address.port}}
