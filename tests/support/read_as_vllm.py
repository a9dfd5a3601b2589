"""Says what vLLM makes of requests, by its own classes; for models that cannot run here.

A script for the interpreter of vLLM's environment: `python -P read_as_vllm.py` reads lines of
`{"path", "body"}` and writes a line for each: the effort and the template's arguments that the
request comes to, the effort in the system message of Harmony (gpt-oss), or the error of either.
"""

import json
import sys
from typing import Any

from vllm.entrypoints.anthropic.protocol import AnthropicMessagesRequest
from vllm.entrypoints.anthropic.serving import AnthropicServingMessages
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.entrypoints.openai.completion.protocol import CompletionRequest
from vllm.entrypoints.openai.parser.harmony_utils import get_system_message
from vllm.entrypoints.openai.responses.protocol import ResponsesRequest
from vllm.exceptions import VLLMValidationError


def from_messages(body: dict[str, Any]) -> ChatCompletionRequest:
    """Convert as the server of Anthropic's API does before it renders anything."""
    return AnthropicServingMessages.to_chat_completion_request(AnthropicMessagesRequest(**body))


READERS = {
    "/v1/chat/completions": lambda body: ChatCompletionRequest(**body),
    "/v1/responses": lambda body: ResponsesRequest(**body),
    "/v1/messages": from_messages,
}


def read(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return what a request comes to."""
    if path == "/v1/completions":
        return {"prompt": CompletionRequest(**body).prompt}
    request = READERS[path](body)
    kwargs = request.build_chat_params(None, "auto").chat_template_kwargs
    told = {name: value for name, value in kwargs.items() if value is not None}
    return {"kwargs": told, "harmony": harmony(own_effort(request))}


def own_effort(request: ChatCompletionRequest | ResponsesRequest) -> str | None:
    """Return the effort where Harmony reads it: in the request itself."""
    asked = isinstance(request, ResponsesRequest) and request.reasoning
    effort = asked.effort if asked else getattr(request, "reasoning_effort", None)
    return None if effort is None else str(effort)


def harmony(effort: str | None) -> str:
    """Return the effort that gpt-oss is told, or what vLLM answers instead."""
    try:
        (content,) = get_system_message(reasoning_effort=effort).content
    except VLLMValidationError as error:
        return f"refused: {error}"
    return str(content.reasoning_effort.value)


def main() -> None:
    """Answer every line of the standard input."""
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = read(question["path"], question["body"])
        except Exception as error:  # noqa: BLE001 - whatever vLLM raises is its answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer, default=str))  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
