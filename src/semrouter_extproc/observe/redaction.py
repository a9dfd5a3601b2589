"""A request without its words: how it is built and how long its texts are, but no text.

What stays is named here; everything else goes. So a member that nobody has thought of is lost,
and not shown.
"""

import json
from typing import Any, Final

import msgspec

_PLACES: Final = frozenset(
    {
        *("messages", "role", "content", "type", "text", "prompt", "input", "instructions"),
        *("system", "tools", "tool_calls", "function", "arguments", "name", "description"),
        *("output", "image_url", "input_audio", "file", "url", "data", "source", "tool_call_id"),
        *("tool_use_id", "call_id", "id", "user", "stop", "refusal", "summary", "cache_control"),
    }
)
"""Members whose strings are the users': what is in them becomes a length."""

_SETTINGS: Final = frozenset(
    {
        *("max_tokens", "max_completion_tokens", "max_output_tokens", "min_tokens"),
        *("temperature", "top_p", "top_k", "min_p", "seed", "n", "logprobs", "top_logprobs"),
        *("presence_penalty", "frequency_penalty", "repetition_penalty", "ignore_eos", "echo"),
        *("stream", "stream_options", "include_usage", "store", "background", "service_tier"),
        *("reasoning_effort", "reasoning", "effort", "enabled", "thinking", "enable_thinking"),
        *("chat_template_kwargs", "output_config", "budget_tokens", "thinking_budget"),
        *("thinking_token_budget", "thinking_budget_tokens", "include_reasoning", "separate"),
        *("tool_choice", "parallel_tool_calls", "response_format", "strict", "add_special_tokens"),
        *("continue_final_message", "add_generation_prompt", "truncation", "verbosity"),
    }
)
"""Members that say how to answer: numbers and the words below stay in them."""

_WORDS: Final = frozenset(
    {
        *("system", "developer", "user", "assistant", "tool", "function", "message"),
        *("text", "input_text", "output_text", "image", "image_url", "input_image", "video_url"),
        *("input_audio", "file", "input_file", "document", "tool_use", "tool_result", "reasoning"),
        *("function_call", "function_call_output", "refusal", "thinking", "ephemeral"),
        *("json_object", "json_schema", "enabled", "disabled", "adaptive", "auto", "required"),
        *("none", "minimal", "low", "medium", "high", "xhigh", "max", "default", "flex"),
    }
)
"""Words of the APIs. In the places of `_SPEAKING` they say nothing about a prompt."""

_SPEAKING: Final = frozenset({"role", "type"}) | _SETTINGS

_MODEL: Final = "model"

UNKNOWN_MODEL: Final = "unknown"
"""Stands for the name of a model that no page has: a client may have written anything there."""


def without_text(body: bytes, *, is_model_known: bool) -> Any:  # noqa: ANN401 - JSON holds anything
    """Return the document in `body` with a length in place of every string.

    Strings become their number of characters, and so do tokens. Members with names of the
    user's own are left out; `left_out_bytes` says how much they were. The name of a model stays if
    it is known. Raises `ValueError` or `RecursionError` for what is no JSON.
    """
    document = _document(body)
    if not isinstance(document, dict) or not isinstance(document.get(_MODEL), str):
        return _bare(document, "")
    model = document.pop(_MODEL)
    return {_MODEL: model if is_model_known else UNKNOWN_MODEL} | _bare_object(document)


def _document(body: bytes) -> Any:  # noqa: ANN401 - JSON holds anything
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return json.loads(body)


def _bare(value: object, name: str) -> object:
    if isinstance(value, dict):
        return _bare_object(value)
    if isinstance(value, list):
        # A prompt of tokens is a text as well.
        is_text = bool(value) and all(isinstance(each, int) for each in value)
        return len(value) if is_text else [_bare(each, name) for each in value]
    if isinstance(value, str):
        return value if name in _SPEAKING and value in _WORDS else len(value)
    return value if name in _SETTINGS else None


def _bare_object(members: dict[str, object]) -> dict[str, object]:
    known = _PLACES | _SETTINGS
    bare = {name: _bare(value, name) for name, value in members.items() if name in known}
    left_out = sum(
        len(name) + len(json.dumps(value)) for name, value in members.items() if name not in known
    )
    return bare | ({"left_out_bytes": left_out} if left_out else {})
