"""The whole path with the real vLLM: what a switch really does, and that streams survive."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from openai import DefaultHttpxClient, OpenAI

from semrouter_extproc.config import Address
from support.front import running_front
from support.stack import LAW, MATH, chat_body
from support.vllm import VllmBackend

# The first set-up on a machine installs vLLM.
pytestmark = [pytest.mark.vllm, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def envoy(tiny_vllm: VllmBackend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with running_front(tiny_vllm, tmp_path_factory.mktemp("front")) as (address, _):
        yield address


def prompt_tokens(address: Address, body: bytes) -> tuple[list[int], dict[str, str]]:
    """Return what vLLM made of the prompt, token by token, and the answer's headers."""
    connection = HTTPConnection(*address, timeout=120)
    connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
    response = connection.getresponse()
    headers = {name.lower(): value for name, value in response.getheaders()}
    answer = json.loads(response.read())
    connection.close()
    return answer["prompt_token_ids"], headers


def asking(prompt: str, **members: Any) -> bytes:
    return chat_body(prompt, max_tokens=1, return_token_ids=True, **members)


@pytest.mark.parametrize(("prompt", "switch"), [(MATH, True), (LAW, False)], ids=["on", "off"])
def test_the_switch_reaches_the_rendered_prompt(
    envoy: Address,
    tiny_vllm: VllmBackend,
    prompt: str,
    switch: bool,  # noqa: FBT001 - a parameter
) -> None:
    def spelt_out(*, thinking: bool) -> list[int]:
        kwargs = {"enable_thinking": thinking}
        return prompt_tokens(tiny_vllm.address, asking(prompt, chat_template_kwargs=kwargs))[0]

    routed, headers = prompt_tokens(envoy, asking(prompt))

    assert headers["x-semrouter-reasoning"] == ("on" if switch else "off")
    assert routed == spelt_out(thinking=switch)
    assert routed != spelt_out(thinking=not switch)


def test_a_stream_says_what_the_whole_answer_says(envoy: Address) -> None:
    client = OpenAI(
        base_url=f"http://{envoy}/v1",
        api_key="none",
        http_client=DefaultHttpxClient(trust_env=False),
    )
    arguments: dict[str, Any] = {
        "model": "auto",
        # Where it does not reason, all that the tiny model writes is text.
        "messages": [{"role": "user", "content": LAW}],
        "max_tokens": 40,
        "temperature": 0,
    }
    with client:
        whole = client.chat.completions.create(**arguments)
        chunks = list(client.chat.completions.create(**arguments, stream=True))

    pieces = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert len(pieces) > 20
    assert "".join(pieces) == whole.choices[0].message.content
    # Nobody asked for usage, so nobody gets a chunk more than vLLM sends by itself.
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_outlives_the_death_of_the_router(tiny_vllm: VllmBackend, tmp_path: Path) -> None:
    members = {
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 1000,
        "ignore_eos": True,
    }
    with running_front(tiny_vllm, tmp_path) as (address, router):
        connection = HTTPConnection(*address, timeout=120)
        connection.request(
            "POST",
            "/v1/chat/completions",
            chat_body(MATH, **members),
            {"content-type": "application/json"},
        )
        response = connection.getresponse()
        assert response.getheader("x-semrouter-reason") == "routed"
        first = response.readline()

        router.kill()
        rest = response.read()
        connection.close()

    *_, usage, done, end = (first + rest).split(b"\n\n")
    assert (done, end) == (b"data: [DONE]", b"")
    assert json.loads(usage.removeprefix(b"data: "))["usage"]["completion_tokens"] == 1000
