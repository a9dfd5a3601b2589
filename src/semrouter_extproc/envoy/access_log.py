"""The access log: one JSON object a line on standard output, the decision and its cost in it."""

from collections.abc import Mapping
from typing import Final

from envoy_data_plane.envoy.config.accesslog.v3 import AccessLog
from envoy_data_plane.envoy.config.core.v3 import SubstitutionFormatString
from envoy_data_plane.envoy.extensions.access_loggers.stream.v3 import StdoutAccessLog
from envoy_data_plane.google.protobuf import Any, Struct

from semrouter_extproc.core import headers
from semrouter_extproc.envoy import usage
from semrouter_extproc.envoy.filters import EXT_PROC

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
