"""Asks through Envoy, several questions at a time, and reads answers as they stream."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from openai import AsyncOpenAI, DefaultAsyncHttpxClient, OpenAIError
from openai.types.chat import ChatCompletionChunk
from when_to_reason.answers import Answer, Asked, Settings, Way
from when_to_reason.questions import Question
from when_to_reason.reading import after_thoughts

from semrouter_extproc.config import Address
from semrouter_extproc.core import headers
from semrouter_extproc.core.intent import HEADER
from semrouter_extproc.core.reasoning import Reasoning

ALIAS: Final = "auto"

_WISHES: Final = {Way.ALWAYS_ON: "on", Way.ALWAYS_OFF: "off"}
# The same draws for every way, where the server draws at all.
_SEED: Final = 0
# Between two pieces of an answer, or before its first while others are answered.
_SILENCE: Final = 600.0
_FAILURES_IN_A_ROW: Final = 5
_THOUGHTS: Final = ("reasoning", "reasoning_content")


class Failure(Exception):
    """No answer, and why."""


def client_of(envoy: Address, api_key: str) -> AsyncOpenAI:
    """Return a client that does not retry: what it waits for would count as latency."""
    return AsyncOpenAI(
        base_url=f"http://{envoy}/v1",
        api_key=api_key,
        max_retries=0,
        timeout=_SILENCE,
        # A proxy in the environment is not for this machine's own ports.
        http_client=DefaultAsyncHttpxClient(trust_env=False),
    )


async def ask(client: AsyncOpenAI, question: Question, way: Way, settings: Settings) -> Answer:
    """Ask a question in one way; raises `Failure`."""
    arguments = _arguments(question.prompt, way, settings.max_tokens)
    received = _Received()
    try:
        raw = await client.chat.completions.with_raw_response.create(**arguments)
        async for chunk in raw.parse():
            received.add(chunk)
    except OpenAIError as error:
        raise Failure(str(error) or type(error).__name__) from None
    return received.answer(question, way, settings, raw.headers)


def _arguments(prompt: str, way: Way, max_tokens: int) -> dict[str, Any]:
    return {
        "model": ALIAS,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": max_tokens,
        "seed": _SEED,
        "stream": True,
        "stream_options": {"include_usage": True},
        "extra_headers": {HEADER: _WISHES[way]} if way in _WISHES else {},
    }


@dataclass(slots=True)
class _Received:
    """What has come of an answer so far. `apart` says that thoughts came beside the text."""

    started: float = field(default_factory=time.monotonic)
    first: float | None = None
    text: list[str] = field(default_factory=list)
    apart: bool = False
    finish: str = ""
    tokens: int | None = None

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Take the next piece."""
        if chunk.usage is not None:
            self.tokens = chunk.usage.completion_tokens
        for choice in chunk.choices:
            extra = choice.delta.model_extra or {}
            thought = any(extra.get(name) for name in _THOUGHTS)
            self.apart |= thought
            if self.first is None and (thought or choice.delta.content):
                self.first = time.monotonic() - self.started
            self.text.append(choice.delta.content or "")
            self.finish = choice.finish_reason or self.finish

    def answer(
        self, question: Question, way: Way, settings: Settings, told: Mapping[str, str]
    ) -> Answer:
        """Return the whole; raises `Failure` where something is missing."""
        seconds = time.monotonic() - self.started
        if headers.REASONING not in told:
            raise Failure("the answer did not come through the router")
        if self.tokens is None or not self.finish:
            raise Failure("the answer broke off, or its server does not tell its usage")
        reasoning = Reasoning(told[headers.REASONING])
        cut = self.finish == "length"
        return Answer(
            question=question.id,
            way=way,
            settings=settings.key,
            at=time.time(),
            reasoning=reasoning,
            reason=told[headers.REASON],
            category=told.get(headers.CATEGORY),
            tokens=self.tokens,
            first_token=seconds if self.first is None else self.first,
            seconds=seconds,
            finish=self.finish,
            said=after_thoughts(
                "".join(self.text), apart=self.apart, thinks=reasoning.thinks, cut=cut
            ),
        )


async def ask_all(
    client: AsyncOpenAI,
    asked: Iterable[Asked],
    questions: Mapping[str, Question],
    settings: Settings,
    keep: Callable[[Answer], None],
) -> list[str]:
    """Ask all, give answers to `keep` as they come, and return what went wrong.

    Several failures in a row end it early: then it is not the question.
    """
    waiting = iter(asked)
    failures: list[str] = []
    in_a_row = 0

    async def work() -> None:
        nonlocal in_a_row
        for name, way in waiting:
            try:
                keep(await ask(client, questions[name], way, settings))
                in_a_row = 0
            except Failure as failure:
                failures.append(f"{name}, {way}: {failure}")
                in_a_row += 1
            if in_a_row >= _FAILURES_IN_A_ROW:
                return

    async with asyncio.TaskGroup() as workers:
        for _ in range(settings.concurrency):
            workers.create_task(work())
    return failures
