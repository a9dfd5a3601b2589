"""One Envoy in which the router is asked, and then an endpoint picker."""

from dataclasses import dataclass

from semrouter_extproc.config import Address
from support import gateways
from support.client import send
from support.endpoint_picker import DESTINATION, POOL, EndpointPicker
from support.gateway_site import LARGE, SMALL
from support.gateways import Message
from support.manifests import manifest
from support.ports import free_port
from support.stack import Stack

_TYPES = "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3"
_PICKER = "envoy.filters.http.ext_proc"
_PICKER_CLUSTER = "picker"


@dataclass(frozen=True)
class Chain:
    """A running Envoy with what stands behind it, and the picker that it asks."""

    stack: Stack
    picker: EndpointPicker

    def forget(self) -> "Chain":
        """Drop what arrived so far."""
        self.stack.forget()
        self.picker.asked.clear()
        return self

    def written_by_the_router(self, body: bytes) -> bytes:
        """Return what the router makes of the body when it is asked apart from any Envoy."""
        admin = self.stack.router.config.server.admin
        told = send(admin, body, method="POST", path="/v1/route", headers={})
        return str(told.json["body"]).encode()


def listener_with_a_picker() -> Message:
    """Return the example's listener, where each pool's route wakes its picker."""

    def awake(backend: str) -> Message:
        its_own: Message = {
            "grpc_service": {"envoy_grpc": {"cluster_name": _PICKER_CLUSTER}},
            "grpc_initial_metadata": [{"key": POOL, "value": backend}],
        }
        return {
            "typed_per_filter_config": {
                _PICKER: {"@type": f"{_TYPES}.ExtProcPerRoute", "overrides": its_own}
            }
        }

    routes = gateways.routes_of(manifest("inference-extension", "HTTPRoute"), awake)
    listener = gateways.plain_listener(Address("127.0.0.1", free_port()), routes)
    gateways.manager_of(listener)["http_filters"].insert(0, _sleeping_picker())
    return gateways.istio("inference-extension", listener)


def _sleeping_picker() -> Message:
    modes = {
        "request_header_mode": "SEND",
        "request_body_mode": "FULL_DUPLEX_STREAMED",
        "request_trailer_mode": "SEND",
        "response_header_mode": "SEND",
        "response_body_mode": "FULL_DUPLEX_STREAMED",
        "response_trailer_mode": "SEND",
    }
    config = {
        "@type": f"{_TYPES}.ExternalProcessor",
        "grpc_service": {"envoy_grpc": {"cluster_name": "set-on-routes"}},
        "processing_mode": modes,
    }
    return {"name": _PICKER, "disabled": True, "typed_config": config}


def clusters_with(picker: EndpointPicker) -> list[Message]:
    """Return the picker's cluster, and a pool for each model."""
    asked = gateways.cluster(_PICKER_CLUSTER, Address("127.0.0.1", picker.port), http2=True)
    return [asked, *(gateways.picked_by_header(pool, DESTINATION) for pool in (LARGE, SMALL))]
