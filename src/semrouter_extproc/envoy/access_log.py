"""The access log: one JSON object a line on standard output, the decision and its cost in it.

Routers are told the same, for their metrics.
"""

from collections.abc import Mapping
from typing import Final

from envoy_data_plane.envoy.config.accesslog.v3 import AccessLog
from envoy_data_plane.envoy.config.core.v3 import (
    ApiVersion,
    GrpcService,
    GrpcServiceEnvoyGrpc,
    SubstitutionFormatString,
)
from envoy_data_plane.envoy.extensions.access_loggers.grpc.v3 import (
    CommonGrpcAccessLogConfig,
    HttpGrpcAccessLogConfig,
)
from envoy_data_plane.envoy.extensions.access_loggers.stream.v3 import StdoutAccessLog
from envoy_data_plane.google.protobuf import Any, Struct

from semrouter_extproc.core import headers, usage
from semrouter_extproc.envoy.filters import EXT_PROC
from semrouter_extproc.envoy.names import LISTENER_CLUSTER

_FIELDS: Final[Mapping[str, str]] = {
    "time": "%START_TIME%",
    "request_id": "%REQ(x-request-id)%",
    "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "method": "%REQ(:METHOD)%",
    # Without the query, where some clients put their key.
    "path": "%PATH(NQ)%",
    "code": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "route": "%ROUTE_NAME%",
    "cluster": "%UPSTREAM_CLUSTER%",
    "upstream": "%UPSTREAM_HOST%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration_ms": "%DURATION%",
    "first_byte_ms": "%RESPONSE_DURATION%",
    "router_headers_us": f"%FILTER_STATE({EXT_PROC}:FIELD:request_header_latency_us)%",
    "router_body_us": f"%FILTER_STATE({EXT_PROC}:FIELD:request_body_total_latency_us)%",
    "router_failed_open": f"%FILTER_STATE({EXT_PROC}:FIELD:failed_open)%",
    **{name.removeprefix(headers.PREFIX): f"%REQ({name})%" for name in headers.ALL},
    **{
        tokens: f"%DYNAMIC_METADATA({usage.NAMESPACE}:{tokens})%"
        for tokens in (usage.PROMPT_TOKENS, usage.COMPLETION_TOKENS)
    },
}


def access_log() -> AccessLog:
    """Log every request; a field that a request does not have is left out."""
    log_format = SubstitutionFormatString(
        json_format=Struct.from_dict(dict(_FIELDS)),
        omit_empty_values=True,
    )
    return AccessLog(
        name="envoy.access_loggers.stdout",
        typed_config=Any.pack(StdoutAccessLog(log_format=log_format)),
    )


def told_to_routers() -> AccessLog:
    """Tell a router of every answer that is over; where none listens, entries are dropped."""
    service = GrpcService(envoy_grpc=GrpcServiceEnvoyGrpc(cluster_name=LISTENER_CLUSTER))
    common = CommonGrpcAccessLogConfig(
        log_name="semrouter", grpc_service=service, transport_api_version=ApiVersion.V3
    )
    config = HttpGrpcAccessLogConfig(
        common_config=common, additional_request_headers_to_log=list(headers.ALL)
    )
    return AccessLog(name="envoy.access_loggers.http_grpc", typed_config=Any.pack(config))
