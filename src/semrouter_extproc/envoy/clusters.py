"""Who Envoy talks to: the router's workers, and the servers of each model."""

from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address
from typing import Final

from envoy_data_plane.envoy.config.cluster.v3 import (
    CircuitBreakers,
    CircuitBreakersThresholds,
    Cluster,
    ClusterDiscoveryType,
    ClusterDnsLookupFamily,
    ClusterLbPolicy,
)
from envoy_data_plane.envoy.config.core.v3 import (
    HealthCheck,
    HealthCheckGrpcHealthCheck,
    HealthCheckHttpHealthCheck,
    Http1ProtocolOptions,
    Http2ProtocolOptions,
    HttpProtocolOptions,
    KeepaliveSettings,
    TransportSocket,
)
from envoy_data_plane.envoy.config.endpoint.v3 import (
    ClusterLoadAssignment,
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import (
    HttpProtocolOptions as UpstreamProtocol,
)
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import (
    HttpProtocolOptionsExplicitHttpConfig as OneProtocol,
)
from envoy_data_plane.envoy.type.v3 import Int64Range
from envoy_data_plane.google.protobuf import Any

from semrouter_extproc.config import Address, Config
from semrouter_extproc.envoy.messages import socket_address
from semrouter_extproc.envoy.names import (
    COLLECTOR_CLUSTER,
    LISTENER_CLUSTER,
    ROUTER_CLUSTER,
    model_clusters,
)
from semrouter_extproc.envoy.tls import router_tls

_UPSTREAM_PROTOCOL: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

# What a burst of generations may bring; Envoy's own defaults are 1024 requests and 3 retries.
_MANY: Final = 20_000
_MANY_RETRIES: Final = 200
# To each model; the requests beyond wait for one. A burst of 10,000 would use up the descriptors.
_MANY_CONNECTIONS: Final = 4096


def clusters(config: Config) -> list[Cluster]:
    """Return the routers' clusters, for requests and for the log, then one for each model.

    Where traces have a collector, its cluster comes last.
    """
    names = model_clusters(config.models)
    routers = config.router_endpoints
    # One more request is not sent to a router: it fails open, or is refused, at a fraction of what
    # the router's own answer would cost.
    most = config.envoy.max_streams * len(routers)
    return [
        _router(ROUTER_CLUSTER, config, max_requests=most),
        _router(LISTENER_CLUSTER, config, max_requests=_MANY),
        *(_model(names[model], served.endpoints) for model, served in config.models.items()),
        *([_collector(collector)] if (collector := config.tracing.collector) else []),
    ]


def _router(name: str, config: Config, *, max_requests: int) -> Cluster:
    tls = config.envoy.router_tls
    return _cluster(
        name,
        config.router_endpoints,
        max_requests=max_requests,
        # The router is near: one that does not accept at once is gone, and the retry is quick.
        connect_timeout=timedelta(milliseconds=250),
        # No outlier detection beside it: of two routers, one that was killed and is back would stay
        # out for seconds, and when the other died nobody would be left. Retries bridge the gap.
        health_check=_grpc_health_check(),
        protocol=_http2_with_keepalive(),
        transport_socket=router_tls(tls) if tls else None,
    )


def _model(name: str, endpoints: Sequence[Address]) -> Cluster:
    return _cluster(
        name,
        endpoints,
        max_requests=_MANY,
        # In a burst Envoy looks at a connection only seconds after it was made, and one that it
        # takes for failed would take all that wait with it.
        connect_timeout=timedelta(seconds=10),
        # No outlier detection beside it: a 5xx here is as often the prompt's fault as the server's,
        # and ejecting a replica moves its load to the others.
        health_check=_http_health_check(),
        protocol=_http1_closing_first(),
    )


def _collector(endpoint: Address) -> Cluster:
    return _cluster(
        COLLECTOR_CLUSTER,
        [endpoint],
        max_requests=_MANY,
        connect_timeout=timedelta(seconds=2),
        # Not every collector answers to one, and spans may be lost.
        health_check=None,
        protocol=_http2_with_keepalive(),
    )


def _cluster(
    name: str,
    endpoints: Sequence[Address],
    *,
    max_requests: int,
    connect_timeout: timedelta,
    health_check: HealthCheck | None,
    protocol: UpstreamProtocol,
    transport_socket: TransportSocket | None = None,
) -> Cluster:
    return Cluster(
        name=name,
        type=_discovery(endpoints),
        # By default a name that has both kinds of address is IPv6 only, `localhost` among them.
        dns_lookup_family=ClusterDnsLookupFamily.V4_PREFERRED,
        lb_policy=ClusterLbPolicy.LEAST_REQUEST,
        connect_timeout=connect_timeout,
        load_assignment=_load_assignment(name, endpoints),
        health_checks=[health_check] if health_check else [],
        circuit_breakers=_circuit_breakers(max_requests),
        transport_socket=transport_socket,
        typed_extension_protocol_options={_UPSTREAM_PROTOCOL: Any.pack(protocol)},
    )


def _load_assignment(name: str, endpoints: Sequence[Address]) -> ClusterLoadAssignment:
    return ClusterLoadAssignment(
        cluster_name=name,
        endpoints=[
            LocalityLbEndpoints(
                lb_endpoints=[
                    LbEndpoint(endpoint=Endpoint(address=socket_address(each)))
                    for each in endpoints
                ]
            )
        ],
    )


def _discovery(endpoints: Sequence[Address]) -> ClusterDiscoveryType:
    numeric = all(_is_ip(endpoint.host) for endpoint in endpoints)
    return ClusterDiscoveryType.STATIC if numeric else ClusterDiscoveryType.STRICT_DNS


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _circuit_breakers(max_requests: int) -> CircuitBreakers:
    return CircuitBreakers(
        thresholds=[
            CircuitBreakersThresholds(
                max_connections=_MANY_CONNECTIONS,
                max_pending_requests=_MANY,
                max_requests=max_requests,
                max_retries=_MANY_RETRIES,
            )
        ]
    )


def _grpc_health_check() -> HealthCheck:
    return HealthCheck(
        timeout=timedelta(seconds=1),
        interval=timedelta(seconds=2),
        # The default of a minute would hide a router that comes up before its first request.
        no_traffic_interval=timedelta(seconds=2),
        # Until one that is back is known to be, its requests weigh on the others, or find nobody.
        unhealthy_interval=timedelta(milliseconds=250),
        unhealthy_threshold=2,
        healthy_threshold=1,
        grpc_health_check=HealthCheckGrpcHealthCheck(),
    )


def _http_health_check() -> HealthCheck:
    return HealthCheck(
        timeout=timedelta(seconds=3),
        interval=timedelta(seconds=5),
        no_traffic_interval=timedelta(seconds=5),
        unhealthy_threshold=3,
        healthy_threshold=1,
        # The servers close idle connections after about the same time: fresh ones never race.
        reuse_connection=False,
        http_health_check=HealthCheckHttpHealthCheck(
            path="/health",
            # vLLM answers 503 when its engine is dead. A server without this path says 404,
            # and is alive.
            expected_statuses=[Int64Range(start=200, end=500)],
        ),
    )


def _http2_with_keepalive() -> UpstreamProtocol:
    # Finds a router whose machine vanished without closing the connection.
    keepalive = KeepaliveSettings(interval=timedelta(seconds=10), timeout=timedelta(seconds=2))
    return UpstreamProtocol(
        explicit_http_config=OneProtocol(
            http2_protocol_options=Http2ProtocolOptions(connection_keepalive=keepalive)
        )
    )


def _http1_closing_first() -> UpstreamProtocol:
    # uvicorn, and so vLLM, closes a connection idle for 5 s. A request sent at that moment
    # would be lost, so Envoy closes first.
    return UpstreamProtocol(
        common_http_protocol_options=HttpProtocolOptions(idle_timeout=timedelta(seconds=4)),
        explicit_http_config=OneProtocol(http_protocol_options=Http1ProtocolOptions()),
    )
