"""Asks the service through LiteLLM, and prints as JSON what it answers.

A script for the interpreter that has LiteLLM: `python -P ask_litellm.py URL MATH LAW`, with a
question of each kind.
"""

import asyncio
import json
import sys
from importlib import import_module
from typing import Any

# Its types would cost mypy half a minute.
litellm: Any = import_module("litellm")


def main(url: str, math: str, law: str) -> None:
    """Ask, in every way that LiteLLM has."""
    place = {"model": "openai/auto", "api_base": f"{url}/v1", **_OPTIONS}
    anthropic = {"model": "anthropic/auto", "api_base": url, **_OPTIONS}
    told = {
        "math": _answer(place, math),
        "law": _answer(place, law),
        "math without effort": _answer(place, math, reasoning_effort="none"),
        "law with effort": _answer(place, law, reasoning_effort="low"),
        "anthropic math": _answer(anthropic, math),
        "anthropic law": _answer(anthropic, law),
        "stream": _stream(place, law),
        "later": asyncio.run(_later(place, law)),
        "refused": _refusal(place, law),
    }
    json.dump(told, sys.stdout)


_OPTIONS = {"api_key": "none", "max_retries": 0, "max_tokens": 8, "temperature": 0}


def _answer(place: dict[str, Any], prompt: str, **wish: Any) -> dict[str, Any]:
    answer = litellm.completion(messages=_turns(prompt), **place, **wish)
    message = answer.choices[0].message
    return {
        "model": answer.model,
        "text": message.content,
        "thoughts": answer.usage.completion_tokens_details.reasoning_tokens,
    }


def _stream(place: dict[str, Any], law: str) -> list[str]:
    chunks = litellm.completion(messages=_turns(law), stream=True, **place)
    return [chunk.choices[0].delta.content or "" for chunk in chunks]


async def _later(place: dict[str, Any], law: str) -> list[str]:
    chunks = await litellm.acompletion(messages=_turns(law), stream=True, **place)
    return [chunk.choices[0].delta.content or "" async for chunk in chunks]


def _refusal(place: dict[str, Any], law: str) -> str:
    try:
        litellm.completion(messages=_turns(law), extra_body={"chat_template_kwargs": "on"}, **place)
    except litellm.BadRequestError as error:
        return str(error)
    return ""


def _turns(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]


if __name__ == "__main__":
    main(*sys.argv[1:])
