"""What is asked: requests of every kind, of which no two are the same."""

import base64
import json
import random
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final


class Kind(StrEnum):
    """What a client asks, and how it behaves."""

    CHAT = "short chat"
    AGENT = "agent, 200 KB"
    IMAGE = "image, 100 KB"
    STREAM = "stream, read whole"
    HANG_UP = "stream, hung up half-way"
    TRICKLE = "body, a byte a second"
    ABANDON = "whole body, hung up within 50 ms"


MIX: Final[Mapping[Kind, float]] = {
    Kind.CHAT: 0.70,
    Kind.AGENT: 0.08,
    Kind.IMAGE: 0.07,
    Kind.STREAM: 0.10,
    Kind.HANG_UP: 0.05,
}
"""Shares of mixed traffic."""

_AGENT_BYTES: Final = 200_000
_IMAGE_BYTES: Final = 100_000
_STREAMED: Final = frozenset({Kind.STREAM, Kind.HANG_UP})
_SEED: Final = 7


def mixed(count: int, *, seed: int = _SEED) -> list[Kind]:
    """Return so many kinds, drawn by their shares."""
    return random.Random(seed).choices(list(MIX), list(MIX.values()), k=count)  # noqa: S311


class Material:
    """Requests that ask `texts` in turn, each with a number of its own."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._history = _history()
        self._image = _image()

    def body(self, kind: Kind, number: int) -> bytes:
        """Return the body of the request with this number."""
        said = f"{self._texts[number % len(self._texts)]} ({number})"
        content: Any = said
        before = ""
        if kind is Kind.IMAGE:
            content = [{"type": "text", "text": said}, self._image]
        if kind is Kind.AGENT:
            before = self._history
        turn = json.dumps({"role": "user", "content": content})
        stream = "true" if kind in _STREAMED else "false"
        body = f'{{"model":"auto","stream":{stream},"messages":[{before}{turn}],"max_tokens":4096}}'
        return body.encode()


def _history() -> str:
    """Return turns of a coding agent, with a comma after the last."""
    pages = random.Random(_SEED)  # noqa: S311
    turns: list[str] = []
    size = 0
    while size < _AGENT_BYTES:
        for turn in _exchange(len(turns), f"{pages.getrandbits(12_000):x}"):
            turns.append(json.dumps(turn))
            size += len(turns[-1])
    return ",".join(turns) + ","


def _exchange(number: int, text: str) -> Sequence[Mapping[str, object]]:
    name = f"call_{number}"
    function = {"name": "read", "arguments": json.dumps({"path": f"src/module_{number}.py"})}
    call = {"id": name, "type": "function", "function": function}
    return [
        {"role": "user", "content": f"Look at module {number} and say what is wrong with it."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": name, "content": text},
        {"role": "assistant", "content": f"Module {number} reads its file twice."},
    ]


def _image() -> Mapping[str, object]:
    pixels = random.Random(_SEED).randbytes(_IMAGE_BYTES * 3 // 4)  # noqa: S311
    url = f"data:image/png;base64,{base64.b64encode(pixels).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}
