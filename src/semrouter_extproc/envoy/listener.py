"""The listener that clients talk to, hardened as Envoy's own advice for edge proxies says."""

from datetime import timedelta
from typing import Final

from envoy_data_plane.envoy.config.common.mutation_rules.v3 import (
    HeaderMutation as Mutation,
)
from envoy_data_plane.envoy.config.common.mutation_rules.v3 import (
    HeaderMutationRemoveOnMatch,
)
from envoy_data_plane.envoy.config.core.v3 import (
    Http2ProtocolOptions,
    HttpProtocolOptions,
    HttpProtocolOptionsHeadersWithUnderscoresAction,
    TypedExtensionConfig,
)
from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, Listener
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpConnectionManagerPathWithEscapedSlashesAction,
    HttpConnectionManagerUpgradeConfig,
)
from envoy_data_plane.envoy.extensions.http.early_header_mutation.header_mutation.v3 import (
    HeaderMutation,
)
from envoy_data_plane.google.protobuf import Any

from semrouter_extproc.config import Config
from semrouter_extproc.envoy.access_log import access_log, told_to_routers
from semrouter_extproc.envoy.filters import http_filters, own_headers
from semrouter_extproc.envoy.messages import socket_address
from semrouter_extproc.envoy.routes import route_configuration
from semrouter_extproc.envoy.tracing import tracing

_KIB: Final = 1024


def listener(config: Config) -> Listener:
    """Return the one listener, which serves HTTP/1.1 and HTTP/2 without TLS."""
    return Listener(
        name="semrouter",
        address=socket_address(config.envoy.listen),
        # Bounds what a slow client can pile up. What must wait in whole has its own limits.
        per_connection_buffer_limit_bytes=32 * _KIB,
        filter_chains=[FilterChain(filters=[_http(config)])],
    )


def _http(config: Config) -> Filter:
    manager = HttpConnectionManager(
        stat_prefix="semrouter",
        access_log=[access_log(), told_to_routers()],
        tracing=tracing(config.tracing),
        # Whoever judges an answer names it by its id, as the access log and the recorder do.
        always_set_request_id_in_response=True,
        route_config=route_configuration(config),
        http_filters=http_filters(config),
        early_header_mutation_extensions=[_strip_spoofed_headers(config)],
        # Allowed by single routes only: a body that never ends must not wait for the router.
        upgrade_configs=[
            HttpConnectionManagerUpgradeConfig(upgrade_type="websocket", enabled=False)
        ],
    )
    _harden(manager)
    return Filter(
        name="envoy.filters.network.http_connection_manager", typed_config=Any.pack(manager)
    )


def _strip_spoofed_headers(config: Config) -> TypedExtensionConfig:
    """Remove what a client sends in the router's name, before any route is matched."""
    removals = [
        Mutation(remove_on_match=HeaderMutationRemoveOnMatch(key_matcher=ours))
        for ours in own_headers(config)
    ]
    return TypedExtensionConfig(
        name="envoy.http.early_header_mutation.header_mutation",
        typed_config=Any.pack(HeaderMutation(mutations=removals)),
    )


def _harden(manager: HttpConnectionManager) -> None:
    # Clients are not trusted to say who they are.
    manager.use_remote_address = True
    # Routes and the router read the path, so it must mean the same to the model's server.
    manager.normalize_path = True
    manager.merge_slashes = True
    manager.path_with_escaped_slashes_action = (
        HttpConnectionManagerPathWithEscapedSlashesAction.UNESCAPE_AND_REDIRECT
    )
    # Some servers read x_semrouter_model as x-semrouter-model.
    manager.common_http_protocol_options = HttpProtocolOptions(
        headers_with_underscores_action=(
            HttpProtocolOptionsHeadersWithUnderscoresAction.REJECT_REQUEST
        )
    )
    # A slow sender holds a slot for this long at most; answers are not counted.
    manager.request_headers_timeout = timedelta(seconds=10)
    manager.request_timeout = timedelta(minutes=5)
    # Until a route is found; then the route's own holds.
    manager.stream_idle_timeout = timedelta(minutes=5)
    manager.http2_protocol_options = Http2ProtocolOptions(
        max_concurrent_streams=100,
        initial_stream_window_size=64 * _KIB,
        initial_connection_window_size=1024 * _KIB,
    )
