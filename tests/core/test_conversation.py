import json
from typing import Any

import pytest

from semrouter_extproc.core.apis import (
    CHAT_COMPLETIONS,
    COMPLETIONS,
    MESSAGES,
    RESPONSES,
    Api,
)
from semrouter_extproc.core.conversation import Turn
from semrouter_extproc.core.request import parse

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def turns(api: Api, **members: Any) -> list[Turn]:
    return list(parse(json.dumps(members).encode(), api).turns)


def test_the_turns_of_a_chat_completion() -> None:
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is"}, IMAGE, "this?"]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "tool", "tool_call_id": "1", "content": "a cat"},
    ]

    assert turns(CHAT_COMPLETIONS, messages=messages) == [
        Turn("system", "Be brief."),
        Turn("user", "What is\nthis?", image=True),
        Turn("assistant", ""),
        Turn("tool", "a cat"),
    ]


def test_a_lone_surrogate_inside_a_message_is_read() -> None:
    found = parse(b'{"messages": [{"role": "user", "content": "caf\\ud800"}]}', CHAT_COMPLETIONS)

    assert found.turns[0].text == "caf\ud800"


def test_the_turns_of_a_response() -> None:
    items = [
        {"role": "user", "content": "Weather in Oslo?"},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "?"}]},
        {"type": "function_call", "name": "weather", "arguments": "{}", "call_id": "1"},
        {"type": "function_call_output", "call_id": "1", "output": "4 C"},
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "And this?"}, {"type": "input_image"}],
        },
    ]

    assert turns(RESPONSES, instructions="Be brief.", input=items) == [
        Turn("system", "Be brief."),
        Turn("user", "Weather in Oslo?"),
        Turn("assistant", ""),
        Turn("assistant", ""),
        Turn("tool", ""),
        Turn("user", "And this?", image=True),
    ]


def test_the_input_of_a_response_may_be_a_text() -> None:
    assert turns(RESPONSES, input="Hello") == [Turn("user", "Hello")]


def test_the_turns_of_anthropics_messages() -> None:
    messages = [
        {"role": "user", "content": "Weather in Oslo?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "1"}]},
        {"role": "user", "content": [{"type": "tool_result", "content": "4 C"}]},
        {"role": "user", "content": [{"type": "tool_result"}, {"type": "text", "text": "Why?"}]},
        {"role": "user", "content": [{"type": "image", "source": {}}]},
    ]
    system = [{"type": "text", "text": "Be brief."}]

    assert turns(MESSAGES, system=system, messages=messages) == [
        Turn("system", "Be brief."),
        Turn("user", "Weather in Oslo?"),
        Turn("assistant", ""),
        Turn("tool", ""),
        Turn("user", "Why?"),
        Turn("user", "", image=True),
    ]


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("Once upon", "Once upon"),
        (["Once upon", "a time"], "Once upon\na time"),
        ([1, 2, 3], ""),
        ([[1, 2], [3]], ""),
        (None, ""),
    ],
)
def test_a_prompt_is_a_turn_of_the_user_and_tokens_are_not_read(prompt: Any, text: str) -> None:
    assert turns(COMPLETIONS, prompt=prompt) == [Turn("user", text)]


@pytest.mark.parametrize("api", [CHAT_COMPLETIONS, RESPONSES, MESSAGES])
def test_a_body_without_a_conversation_has_no_turns(api: Api) -> None:
    assert turns(api, model="auto") == []
