"""Traces: Envoy starts them, the router adds its part, and one collector is told of both."""

from envoy_data_plane.envoy.config.core.v3 import GrpcService, GrpcServiceEnvoyGrpc
from envoy_data_plane.envoy.config.trace.v3 import OpenTelemetryConfig, TracingHttp
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManagerTracing,
)
from envoy_data_plane.envoy.type.tracing.v3 import CustomTag
from envoy_data_plane.envoy.type.v3 import Percent
from envoy_data_plane.google.protobuf import Any

from semrouter_extproc.config import Tracing
from semrouter_extproc.envoy.names import COLLECTOR_CLUSTER


def tracing(config: Tracing) -> HttpConnectionManagerTracing | None:
    """Trace a share of the requests, and whatever arrives in a trace that is sampled already."""
    if config.collector is None:
        return None
    told = GrpcService(envoy_grpc=GrpcServiceEnvoyGrpc(cluster_name=COLLECTOR_CLUSTER))
    provider = OpenTelemetryConfig(grpc_service=told, service_name="envoy")
    return HttpConnectionManagerTracing(
        random_sampling=Percent(value=100 * config.share),
        # Envoy's own value has the query in it, where some clients put their key.
        custom_tags=[CustomTag(tag="http.url", value="%PATH(NQ)%")],
        provider=TracingHttp(name="envoy.tracers.opentelemetry", typed_config=Any.pack(provider)),
    )
