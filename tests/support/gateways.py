"""Envoy as a gateway configures it: what its control plane makes of the manifests, imitated.

Only as far as the manifests go: routes, the filters that they bring, limits, spoofed headers.
"""

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import yaml

from semrouter_extproc.config import Address
from support.manifests import Manifest, manifest

Message = dict[str, Any]
"""A message of Envoy's, as YAML says it."""

_TYPES = "type.googleapis.com/envoy"
_MANAGER = f"{_TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = f"{_TYPES}.extensions.filters.http.router.v3.Router"
_EXT_PROC = f"{_TYPES}.extensions.filters.http.ext_proc.v3.ExternalProcessor"
_EARLY = f"{_TYPES}.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
_HTTP = f"{_TYPES}.extensions.upstreams.http.v3.HttpProtocolOptions"

ROUTER_CLUSTER = "semrouter"


def bootstrap(listener: Message, clusters: list[Message]) -> str:
    """Return a whole bootstrap; Envoy chooses the port of its admin interface."""
    admin = {"address": _socket(Address("127.0.0.1", 0))}
    resources = {"listeners": [listener], "clusters": clusters}
    return yaml.safe_dump({"admin": admin, "static_resources": resources})


def plain_listener(address: Address, routes: list[Message]) -> Message:
    """Return a listener without any filter but the last."""
    manager: Message = {
        "@type": _MANAGER,
        "stat_prefix": "gateway",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": _ROUTER}}],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {
        "name": "llm/gateway/http",
        "address": _socket(address),
        "default_filter_chain": {"filters": filters},
    }


def manager_of(listener: Message) -> Message:
    """Return the part of a listener that speaks HTTP."""
    (only,) = listener["default_filter_chain"]["filters"]
    manager: Message = only["typed_config"]
    return manager


def routes_of(route: Manifest, extras: Callable[[str], Message] = lambda _: {}) -> list[Message]:
    """Return an HTTPRoute as Envoy's routes, each to the cluster named as its backend.

    The answer's `x-route` tells the backend. `extras` are added to the route of a backend.
    """
    return [_route(rule) | extras(_backend(rule)) for rule in route["spec"]["rules"]]


def _route(rule: Manifest) -> Message:
    matches: list[Manifest] = [
        {"name": header["name"], "string_match": {"exact": header["value"]}}
        for match in rule.get("matches", [])
        for header in match["headers"]
    ]
    told = {"header": {"key": "x-route", "value": _backend(rule)}}
    return {
        "match": {"prefix": "/", "headers": matches},
        "route": {"cluster": _backend(rule), "timeout": rule["timeouts"]["request"]},
        "response_headers_to_add": [told],
    }


def _backend(rule: Manifest) -> str:
    (backend,) = rule["backendRefs"]
    return str(backend["name"])


def istio(name: str, listener: Message) -> Message:
    """Return the listener as Istio would patch it by the EnvoyFilter of the example `name`."""
    for patch in manifest(name, "EnvoyFilter")["spec"]["configPatches"]:
        value = deepcopy(patch["patch"]["value"])
        match patch["applyTo"], patch["patch"]["operation"]:
            case "HTTP_FILTER", "INSERT_FIRST":
                manager_of(listener)["http_filters"].insert(0, value)
            case "NETWORK_FILTER", "MERGE":
                manager_of(listener).update(value["typed_config"])
            case "LISTENER", "MERGE":
                listener.update(value)
            case other:
                raise NotImplementedError(str(other))
    return listener


def envoy_gateway(listener: Message) -> Message:
    """Return the listener as Envoy Gateway would make it by the example's policies."""
    policy = manifest("envoy-gateway", "EnvoyExtensionPolicy")
    extension, manager = _extension(policy), manager_of(listener)
    manager["http_filters"].insert(0, extension)
    # Such a filter sleeps in the chain, and the routes that the policy is for wake it up.
    awake = {"@type": f"{_TYPES}.config.route.v3.FilterConfig", "config": {}}
    for route in manager["route_config"]["virtual_hosts"][0]["routes"]:
        route["typed_per_filter_config"] = {extension["name"]: awake}
    _limit(listener, manifest("envoy-gateway", "ClientTrafficPolicy")["spec"])
    for patch in manifest("envoy-gateway", "EnvoyPatchPolicy")["spec"]["jsonPatches"]:
        assert patch["name"] == listener["name"]
        _add(manager["http_filters"], patch["operation"])
    return listener


def _extension(policy: Manifest) -> Message:
    (extension,) = policy["spec"]["extProc"]
    where = f"{policy['metadata']['namespace']}/{policy['metadata']['name']}"
    return {
        "name": f"envoy.filters.http.ext_proc/envoyextensionpolicy/{where}/extproc/0",
        "disabled": True,
        "typed_config": {
            "@type": _EXT_PROC,
            "failure_mode_allow": extension["failOpen"],
            "grpc_service": {"envoy_grpc": {"cluster_name": ROUTER_CLUSTER}, "timeout": "10s"},
            "message_timeout": extension["messageTimeout"],
            "processing_mode": {
                "request_header_mode": "SEND",
                "request_body_mode": extension["processingMode"]["request"]["body"].upper(),
                "request_trailer_mode": "SKIP",
                "response_header_mode": "SKIP",
                "response_trailer_mode": "SKIP",
            },
        },
    }


def _limit(listener: Message, policy: Manifest) -> None:
    mebibytes = int(policy["connection"]["bufferLimit"].removesuffix("Mi"))
    listener["per_connection_buffer_limit_bytes"] = mebibytes * 1024 * 1024
    gone = [{"remove": name} for name in policy["headers"]["earlyRequestHeaders"]["remove"]]
    mutation = {"@type": _EARLY, "mutations": gone}
    manager_of(listener)["early_header_mutation_extensions"] = [
        {"name": "envoy.http.early_header_mutation.header_mutation", "typed_config": mutation}
    ]


def _add(filters: list[Message], operation: Manifest) -> None:
    """Do what one operation of an EnvoyPatchPolicy says; of JSONPath, a filter by its name."""
    (name,) = re.findall(r"^\.\.http_filters\[\?\(@\.name=='([^']+)'\)\]$", operation["jsonPath"])
    (target,) = [each for each in filters if each["name"] == name]
    *parents, last = operation["path"].split("/")
    for parent in parents:
        target = target[parent]
    assert operation["op"] == "add"
    target[last] = deepcopy(operation["value"])


def ext_proc_of(listener: Message) -> Message:
    """Return the router's filter, asking at the test's cluster."""
    found: Message = manager_of(listener)["http_filters"][0]["typed_config"]
    found["grpc_service"]["envoy_grpc"]["cluster_name"] = ROUTER_CLUSTER
    # A busy machine must not turn a test of gateways into one of the timeout.
    found["message_timeout"] = "10s"
    return found


def cluster(name: str, address: Address, *, http2: bool = False) -> Message:
    """Return a cluster of one endpoint."""
    endpoint = {"endpoint": {"address": _socket(address)}}
    protocol: Mapping[str, Message] = {"http2_protocol_options": {}} if http2 else {}
    options = {"@type": _HTTP, "explicit_http_config": protocol or {"http_protocol_options": {}}}
    return {
        "name": name,
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        "typed_extension_protocol_options": {_HTTP.rpartition("/")[2]: options},
    }


def picked_by_header(name: str, header: str) -> Message:
    """Return a cluster whose endpoint a header names, as an InferencePool becomes one."""
    return {
        "name": name,
        "type": "ORIGINAL_DST",
        "lb_policy": "CLUSTER_PROVIDED",
        "original_dst_lb_config": {"use_http_header": True, "http_header_name": header},
    }


def _socket(address: Address) -> Message:
    return {"socket_address": {"address": address.host, "port_value": address.port}}
