"""Token usage, read by Envoy from answers on their way to the client.

Both filters write the same two numbers into the dynamic metadata that the access log prints.
Envoy marks `sse_to_metadata` as work in progress.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from envoy_data_plane.envoy.config.core.v3 import TypedExtensionConfig
from envoy_data_plane.envoy.extensions.content_parsers.json.v3 import (
    JsonContentParser,
    JsonContentParserRuleConfig,
)
from envoy_data_plane.envoy.extensions.filters.http.json_to_metadata.v3 import (
    JsonToMetadata,
    JsonToMetadataKeyValuePair,
    JsonToMetadataMatchRules,
    JsonToMetadataRule,
    JsonToMetadataSelector,
    JsonToMetadataValueType,
)
from envoy_data_plane.envoy.extensions.filters.http.sse_to_metadata.v3 import (
    SseToMetadata,
    SseToMetadataProcessingRules,
)
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatcher
from envoy_data_plane.google.protobuf import Any

from semrouter_extproc.core.usage import COMPLETION_TOKENS, NAMESPACE, PROMPT_TOKENS

# Where each API writes its usage: chat and text completions, responses and messages, then
# the events of the latter two when they stream.
_PLACES: Final[Mapping[str, Sequence[Sequence[str]]]] = {
    PROMPT_TOKENS: (
        ("usage", "prompt_tokens"),
        ("usage", "input_tokens"),
        ("response", "usage", "input_tokens"),
        ("message", "usage", "input_tokens"),
    ),
    COMPLETION_TOKENS: (
        ("usage", "completion_tokens"),
        ("usage", "output_tokens"),
        ("response", "usage", "output_tokens"),
        ("message", "usage", "output_tokens"),
    ),
}

# The last event of a streamed response repeats the whole answer; the default of 8 KiB drops it.
_LONGEST_EVENT_BYTES: Final = 1024 * 1024


def streamed_usage() -> SseToMetadata:
    """Read usage from server-sent events, of which the last that has any counts."""
    parser = JsonContentParser(rules=[JsonContentParserRuleConfig(rule=rule) for rule in _rules()])
    return SseToMetadata(
        response_rules=SseToMetadataProcessingRules(
            content_parser=TypedExtensionConfig(
                name="envoy.content_parsers.json", typed_config=Any.pack(parser)
            ),
            max_event_size=_LONGEST_EVENT_BYTES,
        )
    )


def whole_usage() -> JsonToMetadata:
    """Read usage from a JSON answer, which waits in Envoy until it is complete."""
    return JsonToMetadata(
        response_rules=JsonToMetadataMatchRules(
            rules=list(_rules()),
            allow_content_types_regex=RegexMatcher(regex=r"application/json\s*(;.*)?"),
        )
    )


def _rules() -> Iterable[JsonToMetadataRule]:
    for key, places in _PLACES.items():
        value = JsonToMetadataKeyValuePair(
            metadata_namespace=NAMESPACE, key=key, type=JsonToMetadataValueType.NUMBER
        )
        for place in places:
            selectors = [JsonToMetadataSelector(key=step) for step in place]
            yield JsonToMetadataRule(selectors=selectors, on_present=value)
