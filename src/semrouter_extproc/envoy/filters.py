"""The HTTP filters, in the order that a request meets them."""

from datetime import timedelta
from typing import Final

import betterproto2
from envoy_data_plane.envoy.config.common.mutation_rules.v3 import HeaderMutationRules
from envoy_data_plane.envoy.config.core.v3 import (
    GrpcService,
    GrpcServiceEnvoyGrpc,
    RuntimeFeatureFlag,
    TypedExtensionConfig,
)
from envoy_data_plane.envoy.extensions.compression.gzip.decompressor.v3 import Gzip
from envoy_data_plane.envoy.extensions.filters.http.buffer.v3 import Buffer
from envoy_data_plane.envoy.extensions.filters.http.decompressor.v3 import (
    Decompressor,
    DecompressorCommonDirectionConfig,
    DecompressorRequestDirectionConfig,
    DecompressorResponseDirectionConfig,
)
from envoy_data_plane.envoy.extensions.filters.http.ext_proc.v3 import (
    ExternalProcessor,
    HeaderForwardingRules,
    ProcessingMode,
    ProcessingModeBodySendMode,
    ProcessingModeHeaderSendMode,
)
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.envoy.type.matcher.v3 import ListStringMatcher, RegexMatcher, StringMatcher
from envoy_data_plane.envoy.type.v3 import HttpStatus, StatusCode
from envoy_data_plane.google.protobuf import Any

from semrouter_extproc.config import Config
from semrouter_extproc.core import headers
from semrouter_extproc.envoy import retries
from semrouter_extproc.envoy.names import ROUTER_CLUSTER
from semrouter_extproc.envoy.usage import streamed_usage, whole_usage

DECOMPRESSOR: Final = "envoy.filters.http.decompressor"
BODY_LIMIT: Final = "envoy.filters.http.buffer"
EXT_PROC: Final = "envoy.filters.http.ext_proc"
STREAMED_USAGE: Final = "envoy.filters.http.sse_to_metadata"
WHOLE_USAGE: Final = "envoy.filters.http.json_to_metadata"

# The rewritten body is longer than the client's by a model's name, a few switches, and the words
# of a route, each byte of which JSON may write as six.
_SWITCHES_BYTES: Final = 4096
_ESCAPED: Final = 6

# What gRPC and the headers add to a message that carries a body.
_MESSAGE_HEADROOM_BYTES: Final = 1024 * 1024


def http_filters(config: Config) -> list[HttpFilter]:
    """Return the chain: unpack, wait for the whole body, route, read the answer's usage, send."""
    return [
        _filter(DECOMPRESSOR, _gzipped_requests()),
        _filter(BODY_LIMIT, Buffer(max_request_bytes=largest_request(config))),
        _filter(EXT_PROC, _ext_proc(config)),
        _filter(STREAMED_USAGE, streamed_usage()),
        _filter(WHOLE_USAGE, whole_usage()),
        _filter("envoy.filters.http.router", Router()),
    ]


def largest_request(config: Config) -> int:
    """Return the bytes of the largest body that may pass, before the router and after it."""
    prompts = (route.system_prompt for route in config.routes.values())
    words = max((len(f"{each.prepend}{each.append}".encode()) for each in prompts), default=0)
    return config.server.max_body + _SWITCHES_BYTES + _ESCAPED * words


def own_headers(config: Config) -> list[StringMatcher]:
    """Match the headers that only the router may set."""
    model_header = config.server.model_header
    more = [StringMatcher(exact=model_header)] if model_header else []
    return [StringMatcher(prefix=headers.PREFIX), *more]


def _filter(name: str, message: betterproto2.Message) -> HttpFilter:
    return HttpFilter(name=name, typed_config=Any.pack(message))


def _gzipped_requests() -> Decompressor:
    """Unpack requests, so that the router reads JSON; answers pass as they are."""
    return Decompressor(
        decompressor_library=TypedExtensionConfig(
            name="envoy.compression.gzip.decompressor", typed_config=Any.pack(Gzip())
        ),
        request_direction_config=DecompressorRequestDirectionConfig(
            advertise_accept_encoding=False
        ),
        response_direction_config=DecompressorResponseDirectionConfig(
            common_config=DecompressorCommonDirectionConfig(
                enabled=RuntimeFeatureFlag(
                    default_value=False, runtime_key="semrouter.decompress_responses"
                )
            )
        ),
    )


def _ext_proc(config: Config) -> ExternalProcessor:
    return ExternalProcessor(
        grpc_service=_router_service(largest_request(config)),
        processing_mode=ProcessingMode(
            request_header_mode=ProcessingModeHeaderSendMode.SEND,
            request_body_mode=ProcessingModeBodySendMode.BUFFERED,
            request_trailer_mode=ProcessingModeHeaderSendMode.SKIP,
            response_header_mode=ProcessingModeHeaderSendMode.SKIP,
            response_body_mode=ProcessingModeBodySendMode.NONE,
            response_trailer_mode=ProcessingModeHeaderSendMode.SKIP,
        ),
        message_timeout=timedelta(seconds=config.envoy.message_timeout),
        failure_mode_allow=config.envoy.fail_open,
        status_on_error=HttpStatus(code=StatusCode.ServiceUnavailable),
        mutation_rules=_own_headers_only(config.server.model_header),
        # Credentials, and whatever else clients send, never leave Envoy.
        forward_rules=HeaderForwardingRules(
            allowed_headers=ListStringMatcher(
                patterns=[
                    *(StringMatcher(exact=name) for name in headers.READ),
                    *own_headers(config),
                ]
            )
        ),
    )


def _router_service(largest_body: int) -> GrpcService:
    return GrpcService(
        envoy_grpc=GrpcServiceEnvoyGrpc(
            cluster_name=ROUTER_CLUSTER,
            max_receive_message_length=largest_body + _MESSAGE_HEADROOM_BYTES,
        ),
        retry_policy=retries.stream_setup(),
    )


def _own_headers_only(model_header: str | None) -> HeaderMutationRules:
    names = ["content-(length|type)", f"{headers.PREFIX}.*", *filter(None, [model_header])]
    return HeaderMutationRules(
        disallow_all=True, allow_expression=RegexMatcher(regex=f"^({'|'.join(names)})$")
    )
