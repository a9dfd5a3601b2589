from typing import Any

import pytest

from semrouter_extproc.core.apis import CHAT_COMPLETIONS, COMPLETIONS, MESSAGES, RESPONSES, Api
from semrouter_extproc.core.needs import Feature, answer_limit, needs_of
from support.requests import EVERY, request

TOOL = {"type": "function", "function": {"name": "weather"}}
RESULT = {"type": "tool_result", "content": [{"type": "image"}]}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}


@pytest.mark.parametrize(
    ("api", "members", "feature"),
    [
        (CHAT_COMPLETIONS, {"tools": [TOOL]}, Feature.TOOLS),
        (RESPONSES, {"tools": [TOOL]}, Feature.TOOLS),
        (MESSAGES, {"tools": [TOOL]}, Feature.TOOLS),
        (CHAT_COMPLETIONS, {"response_format": SCHEMA}, Feature.STRUCTURED_OUTPUT),
        (CHAT_COMPLETIONS, {"structured_outputs": {"regex": "a+"}}, Feature.STRUCTURED_OUTPUT),
        (RESPONSES, {"text": {"format": SCHEMA}}, Feature.STRUCTURED_OUTPUT),
        (MESSAGES, {"output_config": {"format": SCHEMA}}, Feature.STRUCTURED_OUTPUT),
        (
            CHAT_COMPLETIONS,
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            Feature.IMAGES,
        ),
        (
            MESSAGES,
            {"messages": [{"role": "user", "content": [{"type": "image"}]}]},
            Feature.IMAGES,
        ),
        (
            RESPONSES,
            {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
            Feature.IMAGES,
        ),
        (
            MESSAGES,
            {"messages": [{"role": "user", "content": [RESULT]}]},
            Feature.IMAGES,
        ),
        (
            RESPONSES,
            {"input": [{"type": "function_call_output", "output": [{"type": "input_image"}]}]},
            Feature.IMAGES,
        ),
    ],
)
def test_a_feature_that_is_asked_for_is_needed(
    api: Api, members: dict[str, Any], feature: Feature
) -> None:
    assert needs_of(request(api, **members)).features == {feature}


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"tools": []},
        {"functions": {}},
        {"tools": None},
        {"response_format": {"type": "text"}},
        {"response_format": None},
    ],
)
def test_a_feature_that_is_only_mentioned_is_not(members: dict[str, Any]) -> None:
    assert needs_of(request(**members)).features == frozenset()


def test_tokens_are_estimated_for_prompt_tools_and_answer() -> None:
    bare = needs_of(request(ask="x" * 3000)).tokens

    assert 1000 <= bare < 1020
    assert needs_of(request(ask="x" * 3000, tools=[TOOL] * 100)).tokens > bare + 1000
    assert needs_of(request(ask="x" * 3000, max_tokens=500)).tokens == bare + 500


LONG = "x" * 30_000


def said(role: str, *parts: object) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": parts}]}


@pytest.mark.parametrize(
    ("api", "members"),
    [
        (
            MESSAGES,
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": LONG}]}]},
        ),
        (
            MESSAGES,
            {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "input": LONG}]}]},
        ),
        (RESPONSES, {"input": [{"type": "function_call_output", "output": LONG}]}),
        (CHAT_COMPLETIONS, {"messages": [{"role": "assistant", "tool_calls": [{"x": LONG}]}]}),
        (CHAT_COMPLETIONS, {"functions": [{"name": LONG}]}),
        (COMPLETIONS, {"prompt": list(range(10_001))}),
        (COMPLETIONS, {"prompt": [list(range(10_001))]}),
    ],
)
def test_what_agents_fill_a_context_with_is_counted(api: Api, members: dict[str, Any]) -> None:
    assert 10_000 <= needs_of(request(api, **members)).tokens < 10_100


def test_chinese_counts_at_least_a_token_a_character() -> None:
    assert needs_of(request(ask="推" * 1000)).tokens >= 1000


def test_the_bytes_of_an_image_are_no_tokens() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}

    assert needs_of(request(messages=[{"role": "user", "content": [image]}])).tokens < 100


@pytest.mark.parametrize("api", EVERY, ids=lambda api: api.path)
def test_every_api_bounds_its_answers_in_its_own_member(api: Api) -> None:
    assert answer_limit(request(api)) is None
    assert answer_limit(request(api, "Why?", **{api.limits[0]: 77})) == 77


def test_the_newer_of_two_limits_counts_as_it_does_in_vllm() -> None:
    assert answer_limit(request(max_tokens=5, max_completion_tokens=9)) == 9


@pytest.mark.parametrize("value", ["77", 77.0, 77])
def test_a_limit_may_be_written_as_vllm_reads_it(value: object) -> None:
    assert answer_limit(request(max_tokens=value)) == 77


@pytest.mark.parametrize("value", ["many", 1.5, True, None])
def test_a_limit_that_is_no_number_is_none(value: object) -> None:
    assert answer_limit(request(max_tokens=value)) is None
