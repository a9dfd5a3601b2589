"""The openai client through Envoy to the real vLLM: what it shows tells what was decided."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any, Literal

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types import chat
from pydantic import BaseModel

from support.stack import LAW, MATH

# The first set-up on a machine installs vLLM.
pytestmark = [pytest.mark.vllm, pytest.mark.timeout(1500)]

OPTIONS: dict[str, Any] = {"api_key": "none", "max_retries": 0}
TOKENS = 8

TOOL: chat.ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": "file_claim",
        "parameters": {
            "type": "object",
            "properties": {"court": {"type": "string", "enum": ["lower", "higher"]}},
            "required": ["court"],
            "additionalProperties": False,
        },
    },
}


class Verdict(BaseModel):
    answer: Literal["yes", "no"]
    sure: bool


@pytest.fixture(scope="module")
def client(service: str) -> Iterator[OpenAI]:
    with OpenAI(
        base_url=f"{service}/v1",
        http_client=openai.DefaultHttpxClient(trust_env=False),
        **OPTIONS,
    ) as client:
        yield client


def asking(prompt: str, **members: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": prompt}]
    return {"model": "auto", "messages": turns, "max_tokens": TOKENS, "temperature": 0, **members}


def kind(message: chat.ChatCompletionMessage) -> str:
    """Say what vLLM took the model's words for."""
    assert message.model_extra
    thought = message.model_extra["reasoning"]
    assert bool(thought) != bool(message.content)
    return "thought" if thought else "text"


@pytest.mark.parametrize(("prompt", "expected"), [(MATH, "thought"), (LAW, "text")])
def test_the_prompt_decides_whether_the_model_thinks(
    client: OpenAI, prompt: str, expected: str
) -> None:
    answer = client.chat.completions.create(**asking(prompt))

    assert kind(answer.choices[0].message) == expected
    assert answer.model == "tiny"
    assert answer.usage
    assert answer.usage.completion_tokens == TOKENS


async def test_answers_to_concurrent_requests_are_not_mixed_up(service: str) -> None:
    prompts = [MATH, LAW] * 8
    async with AsyncOpenAI(
        base_url=f"{service}/v1",
        http_client=openai.DefaultAsyncHttpxClient(trust_env=False),
        **OPTIONS,
    ) as client:
        answers = await asyncio.gather(
            *(client.chat.completions.create(**asking(each, max_tokens=2)) for each in prompts)
        )
        stream = await client.chat.completions.create(**asking(LAW), stream=True)
        pieces = [chunk.choices[0].delta.content async for chunk in stream]

    kinds = [kind(answer.choices[0].message) for answer in answers]
    assert kinds == ["thought", "text"] * 8
    assert len([piece for piece in pieces if piece]) > 1


def test_a_stream_says_what_the_whole_answer_says(client: OpenAI) -> None:
    # Greedily, the tiny model only repeats the end of its prompt.
    request = asking(LAW, temperature=1, seed=7)

    whole = client.chat.completions.create(**request)
    chunks = list(client.chat.completions.create(**request, stream=True))

    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert "".join(pieces) == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "length"


def test_a_stream_tells_its_usage_only_when_asked(client: OpenAI) -> None:
    wish = {"stream_options": {"include_usage": True}}

    silent = client.chat.completions.create(**asking(LAW), stream=True)
    *chunks, last = client.chat.completions.create(**asking(LAW, **wish), stream=True)

    assert all(chunk.usage is None for chunk in [*silent, *chunks])
    assert last.usage is not None
    assert last.choices == []


def test_a_forced_tool_is_called_with_valid_arguments(client: OpenAI) -> None:
    choice = {"type": "function", "function": {"name": "file_claim"}}

    answer = client.chat.completions.create(
        **asking(LAW, max_tokens=40, tools=[TOOL], tool_choice=choice)
    )

    (call,) = answer.choices[0].message.tool_calls or []
    assert isinstance(call, chat.ChatCompletionMessageFunctionToolCall)
    assert call.function.name == "file_claim"
    assert json.loads(call.function.arguments)["court"] in {"lower", "higher"}


def test_a_tools_result_goes_back_to_the_model(client: OpenAI) -> None:
    function = {"name": "file_claim", "arguments": '{"court":"lower"}'}
    call = {"id": "call-1", "type": "function", "function": function}
    turns = [
        {"role": "user", "content": LAW},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call-1", "content": "The derivative is 2x."},
    ]

    raw = client.chat.completions.with_raw_response.create(
        **asking("", messages=turns, tools=[TOOL])
    )

    # The loop keeps the question that started it.
    assert raw.headers["x-semrouter-category"] == "law"
    assert kind(raw.parse().choices[0].message) == "text"


def test_structured_output_validates(client: OpenAI) -> None:
    answer = client.chat.completions.parse(**asking(LAW, max_tokens=40), response_format=Verdict)
    response = client.responses.parse(
        model="auto", input=LAW, max_output_tokens=40, text_format=Verdict
    )

    assert isinstance(answer.choices[0].message.parsed, Verdict)
    assert isinstance(response.output_parsed, Verdict)


@pytest.mark.parametrize(
    ("prompt", "wish", "expected"),
    [
        (MATH, {}, "reasoning"),
        (LAW, {}, "message"),
        (LAW, {"reasoning": {"effort": "low"}}, "reasoning"),
    ],
)
def test_a_response_is_routed_too(
    client: OpenAI, prompt: str, wish: dict[str, Any], expected: str
) -> None:
    request = {"model": "auto", "input": prompt, "max_output_tokens": TOKENS, **wish}

    answer = client.responses.create(**request)
    *_, last = client.responses.create(**request, stream=True)

    assert [item.type for item in answer.output] == [expected]
    assert answer.model == "tiny"
    assert last.type == "response.completed"
    assert [item.type for item in last.response.output] == [expected]


def test_a_completion_is_routed_with_its_prompt_as_it_is(client: OpenAI) -> None:
    request: dict[str, Any] = {"prompt": MATH, "max_tokens": TOKENS, "temperature": 0}

    raw = client.completions.with_raw_response.create(model="auto", **request)
    named = client.completions.create(model="tiny", **request)

    assert raw.headers["x-semrouter-reason"] == "routed"
    # Without a chat template there is nothing to switch.
    assert raw.headers["x-semrouter-reasoning"] == "unchanged"
    assert raw.parse().model == "tiny"
    assert raw.parse().usage == named.usage
    assert raw.parse().choices[0].text == named.choices[0].text


def test_the_router_lists_what_clients_may_ask_for(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["auto", "MoM", "tiny"]
    assert client.models.retrieve("auto").id == "auto"
    with pytest.raises(openai.NotFoundError, match="'gpt-9' does not exist") as caught:
        client.models.retrieve("gpt-9")
    assert caught.value.code == "model_not_found"


def test_the_client_can_read_the_decision(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(**asking(MATH, max_tokens=1))

    told = {name: value for name, value in raw.headers.items() if name.startswith("x-semrouter-")}
    assert 0 < float(told.pop("x-semrouter-confidence")) <= 1
    assert told == {
        "x-semrouter-model": "tiny",
        "x-semrouter-category": "math",
        "x-semrouter-reasoning": "on",
        "x-semrouter-reason": "routed",
    }


@pytest.mark.parametrize(
    ("member", "fault"),
    [
        ({"messages": "Hi"}, "`messages` is not as the API defines it"),
        ({"model": 7}, "`model` is not as the API defines it"),
        ({"extra_body": {"chat_template_kwargs": 1}}, "`chat_template_kwargs` is not as the API"),
        # vLLM finds this one, and is heard as well.
        ({"max_tokens": -1}, "max_tokens must be at least 1"),
    ],
)
def test_what_is_wrong_with_a_request_reaches_the_client(
    client: OpenAI, member: dict[str, Any], fault: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=fault):
        client.chat.completions.create(**(asking(LAW) | member))


WISHES = [
    (MATH, {"reasoning_effort": "none"}, "text"),
    (LAW, {"extra_body": {"chat_template_kwargs": {"enable_thinking": True}}}, "thought"),
]


@pytest.mark.parametrize(("prompt", "wish", "expected"), WISHES)
def test_a_clients_wish_comes_before_the_prompt(
    client: OpenAI, prompt: str, wish: dict[str, Any], expected: str
) -> None:
    raw = client.chat.completions.with_raw_response.create(**asking(prompt, **wish))

    assert raw.headers["x-semrouter-reason"] == "client_override"
    assert kind(raw.parse().choices[0].message) == expected
