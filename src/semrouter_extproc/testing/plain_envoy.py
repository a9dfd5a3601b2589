"""The least Envoy that asks a processor about every request."""

from typing import Any

import yaml

from semrouter_extproc.config import Address

_TYPES = "type.googleapis.com/envoy.extensions"
_LONGEST_BODY = 64 * 1024 * 1024


def bootstrap(
    mode: str,
    *,
    listen: Address,
    admin: Address,
    processor: Address,
    model: Address,
    fail_open: bool = False,
    message_timeout: str = "10s",
) -> str:
    """Return a bootstrap in YAML. `mode` is a name of `BodySendMode`; all goes to `model`."""
    asking = _processor(mode) | {
        "failure_mode_allow": fail_open,
        "message_timeout": message_timeout,
    }
    return yaml.safe_dump(
        {
            "admin": {"address": _address(admin)},
            "static_resources": {
                "listeners": [_listener(asking, listen)],
                "clusters": [
                    _cluster("processor", processor, http2=True),
                    _cluster("model", model, http2=False),
                ],
            },
        }
    )


def _listener(asking: dict[str, Any], listen: Address) -> dict[str, Any]:
    host = {
        "name": "all",
        "domains": ["*"],
        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "model"}}],
        "request_body_buffer_limit": _LONGEST_BODY,
    }
    manager = {
        "@type": f"{_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "plain",
        "http_protocol_options": {"enable_trailers": True},
        "route_config": {"virtual_hosts": [host]},
        "http_filters": [
            _filter("ext_proc", asking),
            _filter("router", {"@type": f"{_TYPES}.filters.http.router.v3.Router"}),
        ],
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    return {"name": "plain", "address": _address(listen), "filter_chains": [chain]}


def _processor(mode: str) -> dict[str, Any]:
    trailers = "SKIP" if mode == "BUFFERED" else "SEND"
    return {
        "@type": f"{_TYPES}.filters.http.ext_proc.v3.ExternalProcessor",
        "grpc_service": {"envoy_grpc": {"cluster_name": "processor"}},
        "processing_mode": {
            "request_header_mode": "SEND",
            "request_body_mode": mode,
            "request_trailer_mode": trailers,
            "response_header_mode": "SKIP",
        },
    }


def _filter(name: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"name": f"envoy.filters.http.{name}", "typed_config": config}


def _cluster(name: str, address: Address, *, http2: bool) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(address)}}
    protocol = "http2_protocol_options" if http2 else "http_protocol_options"
    return {
        "name": name,
        "type": "STATIC",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{_TYPES}.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {protocol: {}},
            }
        },
    }


def _address(address: Address) -> dict[str, Any]:
    return {"socket_address": {"address": address.host, "port_value": address.port}}
