"""What is tried with bytes that a fuzzer makes up, and what must hold for all of them.

Each target takes any bytes, and raises `AssertionError` for what must not be. They need no
fuzzer: the tests replay what one has found worth keeping.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from semrouter_extproc.config import parse as parse_page
from semrouter_extproc.core.apis import APIS
from semrouter_extproc.core.policy import Choice, Reason, Route
from semrouter_extproc.core.prompt import text_to_classify
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.core.request import parse
from semrouter_extproc.core.rewrite import rewrite
from semrouter_extproc.core.rules import Rules
from semrouter_extproc.core.wording import SystemPrompt
from semrouter_extproc.errors import MalformedRequest
from semrouter_extproc.extproc._pb import ext_proc_pb2 as pb
from semrouter_extproc.extproc.processor import RequestProcessor
from support import tiny

LONGEST_SECONDS: Final = 0.05
"""CPU that one case may take; a collection of garbage may fall into any."""

_TRIES: Final = 3

_FAMILIES: Final = ("qwen3", "deepseek", "gpt-oss", "llama-nemotron", "none")
_APIS: Final = tuple(APIS.values())
_LEVELS: Final = (Reasoning.ON, Reasoning.OFF, Reasoning.LOW, Reasoning.UNCHANGED)
_WORDS: Final = (SystemPrompt(), SystemPrompt("Be brief. ", " Thank you."))

_RULES: Final[Rules] = parse_page(
    {
        "models": {name: {"dialect": name, "endpoints": ["h:1"]} for name in _FAMILIES},
        "default": {"model": "none"},
        "routes": {},
        "clients": {"named_models": "switch", "reasoning_header": True},
    },
    source="the fuzzer's page",
).rules(("law", "math"))


async def _math(_: str) -> NDArray[np.float32]:
    return np.array(tiny.VECTORS[tiny.MATH], np.float32)


_ROUTER: Final = tiny.router(_math)
_LOOP: Final = asyncio.new_event_loop()

_MODES: Final = (None, *pb.BodySendMode.values())
_PATHS: Final = (*APIS, "/v1/models", "/v1/models/auto", "/v1/embeddings", "", "/")
_HEADERS: Final = ("content-type", "content-encoding", "x-reasoning", "x-semrouter-model", "")
_VALUES: Final = ("application/json", "gzip", "on", "text/plain", "\x00\xff", "")


def request(data: bytes) -> None:
    """A body of any kind, for any API, family, level and wording."""
    choices, body = _Choices(data[:4]), data[4:]
    api = choices.one(_APIS)
    route = Route(choices.one(_FAMILIES), choices.one(_LEVELS), choices.one(_WORDS))
    try:
        read = parse(body, api)
        text_to_classify(read.turns, _RULES.reading)
        planned = _RULES.plan(read, Choice(route, Reason.ROUTED, "math", 0.9), None)
        written = rewrite(read, planned.changes)
    except MalformedRequest:
        return
    _same_but_for_changes(body, written, planned.decision.model)


def framing(data: bytes) -> None:
    """Bytes in place of a message of Envoy's, and what is made of those that are one."""
    try:
        message = pb.ProcessingRequest.FromString(data)
    except DecodeError:
        return
    _LOOP.run_until_complete(_converse([message, message]))


def stream(data: bytes) -> None:
    """Messages in any order and number, in any mode."""
    _LOOP.run_until_complete(_converse(list(_messages(data))))


_Target = Callable[[bytes], None]


def _quick(target: _Target) -> _Target:
    """Have `target` fail where a case takes too long, and not by chance."""

    def run(data: bytes) -> None:
        spent = _seconds(target, data)
        if spent >= LONGEST_SECONDS:
            spent = min(_seconds(target, data) for _ in range(_TRIES))
        assert spent < LONGEST_SECONDS, f"{spent:.3f} s"

    return run


def _seconds(target: _Target, data: bytes) -> float:
    began = time.thread_time()
    target(data)
    return time.thread_time() - began


TARGETS: Final[Mapping[str, _Target]] = {
    each.__name__: _quick(each) for each in (request, framing, stream)
}


class _Choices:
    """Chooses by one byte after the other, the first of all where there are no more."""

    def __init__(self, data: bytes) -> None:
        self._bytes = iter(data)

    def one(self, options: Any) -> Any:
        return options[next(self._bytes, 0) % len(options)]


def _same_but_for_changes(body: bytes, written: bytes, model: str | None) -> None:
    """What a server reads must be what the client wrote, but for what is ours to change."""
    after = json.loads(written)
    assert after["model"] == model
    try:
        before = json.loads(body)
    except (ValueError, RecursionError):
        return  # a number of 5,000 digits, for one, which no server reads either
    assert list(before) == [name for name in after if name in before] or _removes(before, after)
    for name in before.keys() - _OURS:
        # By their text, as NaN is not itself.
        assert repr(after[name]) == repr(before[name]), name


_OURS: Final = frozenset(
    {
        *("model", "messages", "prompt", "input", "instructions", "system"),
        *("chat_template_kwargs", "reasoning_effort", "reasoning", "thinking", "output_config"),
        *("include_reasoning", "thinking_token_budget", "max_tokens", "max_completion_tokens"),
        *("max_output_tokens", "temperature", "top_p", "top_k", "enable_thinking"),
    }
)
"""Members that a family's switch, a wording or a guard may change."""


def _removes(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return all(name in _OURS for name in before.keys() - after.keys())


async def _converse(messages: list[pb.ProcessingRequest]) -> None:
    processor = RequestProcessor(_ROUTER, max_body=10_000, model_header="x-model")
    for message in messages:
        answers = await processor.handle(message)
        for answer in answers:
            assert answer.WhichOneof("response")
            pb.ProcessingResponse.FromString(answer.SerializeToString())
            _lengths_agree(answer)
        if processor.finished:
            return


def _lengths_agree(answer: pb.ProcessingResponse) -> None:
    """Envoy answers 500 where a buffered body and its length disagree."""
    response = answer.request_body.response
    for option in response.header_mutation.set_headers:
        if option.header.key == "content-length":
            assert int(option.header.raw_value) == len(response.body_mutation.body)


def _messages(data: bytes) -> Iterator[pb.ProcessingRequest]:
    """Turn bytes into messages; what follows a body's length byte is its content."""
    while data:
        kind, data = data[0] % 4, data[1:]
        if kind == 0:
            choices, data = _Choices(data[:6]), data[6:]
            yield _headers(choices)
        elif kind == 1:
            length = data[0] if data else 0
            body, data = data[1 : 1 + length], data[1 + length :]
            yield pb.ProcessingRequest(
                request_body=pb.HttpBody(body=body, end_of_stream=length % 2 == 0)
            )
        elif kind == 2:
            yield pb.ProcessingRequest(request_trailers=pb.HttpTrailers())
        else:
            yield pb.ProcessingRequest(response_headers=pb.HttpHeaders())


def _headers(choices: _Choices) -> pb.ProcessingRequest:
    values = {
        ":method": choices.one(("POST", "GET", "")),
        ":path": choices.one(_PATHS),
        choices.one(_HEADERS): choices.one(_VALUES),
    }
    headers = [
        pb.HeaderValue(key=key, raw_value=value.encode("latin-1")) for key, value in values.items()
    ]
    message = pb.ProcessingRequest(
        request_headers=pb.HttpHeaders(
            headers=pb.HeaderMap(headers=headers), end_of_stream=choices.one((False, True))
        )
    )
    mode = choices.one(_MODES)
    if mode is not None:
        message.protocol_config.request_body_mode = mode
    return message
