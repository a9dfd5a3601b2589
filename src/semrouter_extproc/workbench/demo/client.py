"""Asks through Envoy, with the `openai` client that an application would use."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from openai import DefaultHttpxClient, OpenAI, OpenAIError
from openai.types import CompletionUsage

from semrouter_extproc.config import Address
from semrouter_extproc.workbench.demo.prompts import Prompt

MAX_TOKENS: Final = 64
_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the response's headers, who answered, tokens written, seconds taken."""

    headers: Mapping[str, str]
    completion: str
    model: str
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer, and why."""

    message: str


def client_of(envoy: Address) -> OpenAI:
    """Return a client that does not retry, so that what is sent can be counted."""
    return OpenAI(
        base_url=f"http://{envoy}/v1",
        api_key="none",
        max_retries=0,
        timeout=_SECONDS,
        # A proxy in the environment is not for this machine's own ports.
        http_client=DefaultHttpxClient(trust_env=False),
    )


def ask(client: OpenAI, prompt: Prompt) -> Answer | Failure:
    """Send a prompt and read its answer to the end."""
    started = time.monotonic()
    read = _read_stream if prompt.stream else _read_whole
    try:
        headers, completion, model, usage = read(client, _arguments(prompt))
    except OpenAIError as error:
        return Failure(str(error))
    if usage is None:
        return Failure("the answer came without its usage")
    seconds = time.monotonic() - started
    return Answer(headers, completion, model, usage.completion_tokens, seconds)


_Reply = tuple[Mapping[str, str], str, str, CompletionUsage | None]


def _arguments(prompt: Prompt) -> dict[str, Any]:
    content = [{"type": "text", "text": prompt.text}] if prompt.parts else prompt.text
    arguments: dict[str, Any] = {
        "model": prompt.model,
        "messages": [{"role": "user", "content": content}],
        "max_tokens": MAX_TOKENS,
        "temperature": 0,
    }
    if prompt.thinking is not None:
        arguments["extra_body"] = {"chat_template_kwargs": {"enable_thinking": prompt.thinking}}
    return arguments


def _read_whole(client: OpenAI, arguments: Mapping[str, Any]) -> _Reply:
    raw = client.chat.completions.with_raw_response.create(**arguments)
    completion = raw.parse()
    return raw.headers, completion.id, completion.model, completion.usage


def _read_stream(client: OpenAI, arguments: Mapping[str, Any]) -> _Reply:
    raw = client.chat.completions.with_raw_response.create(
        **arguments, stream=True, stream_options={"include_usage": True}
    )
    completion, model, usage = "", "", None
    for chunk in raw.parse():
        completion, model = chunk.id, chunk.model
        usage = chunk.usage or usage
    return raw.headers, completion, model, usage
