"""Anthropic's client and LangChain through Envoy to the real vLLM."""

from collections.abc import Iterator
from typing import Any, Literal

import anthropic
import openai
import pytest
from anthropic import Anthropic
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr

from support.stack import LAW, MATH

# The first set-up on a machine installs vLLM.
pytestmark = [pytest.mark.vllm, pytest.mark.timeout(1500)]

TOKENS = 8
BUDGET = 1024


class Verdict(BaseModel):
    """Whether the tenant may sue."""

    answer: Literal["yes", "no"]
    sure: bool


@pytest.fixture(scope="module")
def claude(service: str) -> Iterator[Anthropic]:
    with Anthropic(
        base_url=service,
        api_key="none",
        max_retries=0,
        http_client=anthropic.DefaultHttpxClient(trust_env=False),
    ) as client:
        yield client


def asking(prompt: str, **members: Any) -> dict[str, Any]:
    # The client has no argument for a temperature.
    greedy = {"extra_body": {"temperature": 0}}
    turns = [{"role": "user", "content": prompt}]
    return {"model": "auto", "messages": turns, "max_tokens": TOKENS, **greedy, **members}


@pytest.mark.parametrize(("prompt", "expected"), [(MATH, "thinking"), (LAW, "text")])
def test_the_prompt_decides_about_a_message_and_keeps_its_system_prompt(
    claude: Anthropic, prompt: str, expected: str
) -> None:
    bare = claude.messages.create(**asking(prompt, system="Be."))
    message = claude.messages.create(**asking(prompt, system="Be kind and kind and kind."))

    assert [block.type for block in message.content] == [expected]
    assert message.model == "tiny"
    assert message.usage.output_tokens == TOKENS
    assert message.usage.input_tokens > bare.usage.input_tokens


@pytest.mark.parametrize(("prompt", "expected"), [(MATH, "thinking"), (LAW, "text")])
def test_a_message_streams(claude: Anthropic, prompt: str, expected: str) -> None:
    with claude.messages.stream(**asking(prompt)) as stream:
        events = [event.type for event in stream]
        message = stream.get_final_message()

    assert len([event for event in events if event == expected]) > 1
    assert events[0] == "message_start"
    assert events[-1] == "message_stop"
    assert [block.type for block in message.content] == [expected]
    assert message.usage.output_tokens == TOKENS


def test_thinking_that_is_disabled_stays_so(claude: Anthropic) -> None:
    raw = claude.messages.with_raw_response.create(**asking(MATH, thinking={"type": "disabled"}))

    assert raw.headers["x-semrouter-reason"] == "client_override"
    assert raw.headers["x-semrouter-reasoning"] == "off"
    assert [block.type for block in raw.parse().content] == ["text"]


def test_thinking_that_is_enabled_stays_so(claude: Anthropic) -> None:
    wish = {"thinking": {"type": "enabled", "budget_tokens": BUDGET}, "max_tokens": BUDGET + 1}

    # The least budget takes seconds to spend, so this ends after the first words.
    with claude.messages.stream(**asking(LAW, **wish)) as stream:
        first = next(event for event in stream if event.type == "content_block_start")
        headers = stream.response.headers

    assert headers["x-semrouter-reason"] == "client_override"
    assert headers["x-semrouter-reasoning"] == "on"
    assert first.content_block.type == "thinking"


def test_a_message_has_tools_and_structured_output(claude: Anthropic) -> None:
    tool = {"name": "judge", "input_schema": Verdict.model_json_schema()}
    forced = {"tools": [tool], "tool_choice": {"type": "tool", "name": "judge"}}

    called = claude.messages.create(**asking(LAW, max_tokens=40, **forced))
    parsed = claude.messages.parse(**asking(LAW, max_tokens=40), output_format=Verdict)

    (block,) = called.content
    assert block.type == "tool_use"
    assert Verdict.model_validate(block.input)
    assert isinstance(parsed.parsed_output, Verdict)


@pytest.mark.parametrize(
    ("member", "fault"),
    [
        ({"messages": "Hi"}, "`messages` is not as the API defines it"),
        # vLLM finds this one, and is heard as well.
        ({"max_tokens": -1}, "max_tokens must be positive"),
    ],
)
def test_what_is_wrong_with_a_message_reaches_the_client(
    claude: Anthropic, member: dict[str, Any], fault: str
) -> None:
    with pytest.raises(anthropic.BadRequestError, match=fault):
        claude.messages.create(**asking(LAW, **member))


@pytest.fixture(scope="module")
def langchain(service: str) -> Iterator[dict[str, Any]]:
    """The arguments with which LangChain's model talks to Envoy and to nobody else."""
    with openai.DefaultHttpxClient(trust_env=False) as client:
        yield {
            "model": "auto",
            "base_url": f"{service}/v1",
            "api_key": SecretStr("none"),
            "max_retries": 0,
            "max_tokens": TOKENS,
            "temperature": 0,
            "include_response_headers": True,
            "http_client": client,
        }


def thoughts(message: AIMessage) -> int:
    """Return how many of the answer's tokens were reasoning."""
    assert message.usage_metadata
    return message.usage_metadata["output_token_details"]["reasoning"]


@pytest.mark.parametrize(
    ("prompt", "wish", "reason", "expected"),
    [
        (MATH, {}, "routed", TOKENS),
        (LAW, {}, "routed", 0),
        (MATH, {"reasoning_effort": "none"}, "client_override", 0),
        (LAW, {"reasoning_effort": "low"}, "client_override", TOKENS),
    ],
)
def test_langchain_is_routed_and_has_its_way(
    langchain: dict[str, Any], prompt: str, wish: dict[str, Any], reason: str, expected: int
) -> None:
    answer = ChatOpenAI(**langchain, **wish).invoke(prompt)

    assert answer.response_metadata["headers"]["x-semrouter-reason"] == reason
    assert answer.response_metadata["model_name"] == "tiny"
    assert thoughts(answer) == expected
    assert bool(answer.content) == (expected == 0)


def test_langchain_streams(langchain: dict[str, Any]) -> None:
    model = ChatOpenAI(**langchain, stream_usage=True)

    chunks = list(model.stream(LAW))

    assert len([chunk for chunk in chunks if chunk.content]) > 1
    assert "".join(str(chunk.content) for chunk in chunks) == model.invoke(LAW).content
    assert sum(bool(chunk.usage_metadata) for chunk in chunks) == 1


def test_langchain_has_tools_and_structured_output(langchain: dict[str, Any]) -> None:
    model = ChatOpenAI(**langchain | {"max_tokens": 40})

    called = model.bind_tools([Verdict], tool_choice="Verdict").invoke(LAW)
    parsed = model.with_structured_output(Verdict, method="json_schema").invoke(LAW)

    assert isinstance(called, AIMessage)
    (call,) = called.tool_calls
    assert Verdict.model_validate(call["args"])
    assert isinstance(parsed, Verdict)
