"""The route table: which cluster a request goes to, and which filters it meets on the way."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from envoy_data_plane.envoy.config.core.v3 import (
    DataSource,
    HeaderValue,
    HeaderValueOption,
    HeaderValueOptionHeaderAppendAction,
)
from envoy_data_plane.envoy.config.route.v3 import (
    DirectResponseAction,
    FilterConfig,
    HeaderMatcher,
    Route,
    RouteAction,
    RouteActionUpgradeConfig,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
)
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatcher, StringMatcher
from envoy_data_plane.envoy.type.v3 import Int64Range, StatusCode
from envoy_data_plane.google.protobuf import Any

from semrouter_extproc.config import Config
from semrouter_extproc.core import catalogue, headers
from semrouter_extproc.core.apis import APIS
from semrouter_extproc.envoy import retries
from semrouter_extproc.envoy.filters import (
    BODY_LIMIT,
    DECOMPRESSOR,
    EXT_PROC,
    STREAMED_USAGE,
    WHOLE_USAGE,
    largest_request,
)
from semrouter_extproc.envoy.names import model_clusters

# An answer that does not stream is silent until its last token. OpenAI's clients wait ten
# minutes; Envoy must not be the one who gives up first.
_SILENCE: Final = timedelta(minutes=15)

# A JSON answer waits in Envoy until its usage can be read, and becomes a 500 if it does not fit:
# this is far more than any generation. Despite its name, the setting bounds answers too.
_LARGEST_ANSWER_BYTES: Final = 32 * 1024 * 1024

_GENERATION_PATHS: Final = "|".join(map(re.escape, APIS))
_MODELS_PATHS: Final = rf"{re.escape(catalogue.PATH)}(/.*)?"


def route_configuration(config: Config) -> RouteConfiguration:
    """Return the table; the first route that matches wins.

    A request is matched twice: on arrival, which decides the filters it meets, and after the
    router has set the model header, which decides where it goes.
    """
    clusters = model_clusters(config.models)
    default = clusters[config.default.model]
    return RouteConfiguration(
        name="semrouter",
        virtual_hosts=[
            VirtualHost(
                name="semrouter",
                domains=["*"],
                request_body_buffer_limit=max(_LARGEST_ANSWER_BYTES, largest_request(config)),
                retry_policy=retries.connecting(),
                response_headers_to_add=list(_decision_for_the_client()),
                routes=[
                    *(_model(model, cluster) for model, cluster in clusters.items()),
                    _too_large(config.server.max_body),
                    _default(default),
                    _models(default),
                    _other(default),
                ],
            )
        ],
    )


def _model(model: str, cluster: str) -> Route:
    return Route(
        name=cluster,
        match=RouteMatch(
            prefix="/",
            headers=[HeaderMatcher(name=headers.MODEL, string_match=StringMatcher(exact=model))],
        ),
        route=_to(cluster),
        stat_prefix=cluster,
    )


def _too_large(max_body: int) -> Route:
    """Refuse bodies that announce more than `max_body` bytes.

    The body limit alone is not exact, as it leaves room for rewriting; bodies rewritten
    already have taken their model's route above. The limit stays on here, so that the body is
    read before the answer: many clients see only a broken connection when they are answered
    while they send.
    """
    longer = Int64Range(start=max_body + 1, end=2**63 - 1)
    return Route(
        name="too-large",
        match=_generation(HeaderMatcher(name="content-length", range_match=longer)),
        direct_response=DirectResponseAction(
            status=StatusCode.PayloadTooLarge, body=DataSource(inline_string="Payload Too Large")
        ),
        typed_per_filter_config=_without(DECOMPRESSOR, EXT_PROC),
    )


def _default(cluster: str) -> Route:
    """Match what the router reads; it stays here when the router chose no model or failed."""
    return Route(name="default", match=_generation(), route=_to(cluster), stat_prefix="default")


def _models(cluster: str) -> Route:
    """Let the router list the models; without a router the default backend lists its own."""
    get = HeaderMatcher(name=":method", string_match=StringMatcher(exact="GET"))
    return Route(
        name="models",
        match=RouteMatch(safe_regex=RegexMatcher(regex=_MODELS_PATHS), headers=[get]),
        route=_to(cluster),
        typed_per_filter_config=_without(DECOMPRESSOR, BODY_LIMIT, STREAMED_USAGE, WHOLE_USAGE),
    )


def _other(cluster: str) -> Route:
    """Let everything else past the router and the filters around it, byte for byte.

    There is no prompt in it, and it may be too large to wait for in whole. The body of a
    websocket never ends.
    """
    action = _to(cluster)
    action.upgrade_configs = [RouteActionUpgradeConfig(upgrade_type="websocket", enabled=True)]
    return Route(
        name="other",
        match=RouteMatch(prefix="/"),
        route=action,
        typed_per_filter_config=_without(
            DECOMPRESSOR, BODY_LIMIT, EXT_PROC, STREAMED_USAGE, WHOLE_USAGE
        ),
    )


def _generation(*headers: HeaderMatcher) -> RouteMatch:
    """Match a request for a generation that has `headers` too."""
    post = HeaderMatcher(name=":method", string_match=StringMatcher(exact="POST"))
    return RouteMatch(safe_regex=RegexMatcher(regex=_GENERATION_PATHS), headers=[post, *headers])


def _to(cluster: str) -> RouteAction:
    # The default timeout of 15 s counts the whole answer, and would cut most generations.
    return RouteAction(cluster=cluster, timeout=timedelta(0), idle_timeout=_SILENCE)


def _without(*filters: str) -> dict[str, Any]:
    return {name: Any.pack(FilterConfig(disabled=True)) for name in filters}


def _decision_for_the_client() -> Iterable[HeaderValueOption]:
    """Repeat the router's request headers in the answer; those not set stay absent."""
    for name in headers.ALL:
        yield HeaderValueOption(
            header=HeaderValue(key=name, value=f"%REQ({name})%"),
            append_action=HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
        )
