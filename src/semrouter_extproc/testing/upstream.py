"""A model's server that remembers, byte for byte, what arrived, and counts it by that."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

_METHODS: Final = ("GET", "POST", "PUT", "DELETE")
_EVENT_GAP: Final = 0.02
"""Seconds between two events of a stream."""


@dataclass(frozen=True)
class Arrived:
    """One request as the upstream saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever a client sends
        """The body, read."""
        return json.loads(self.body)


@dataclass
class Upstream:
    """A running server; `arrived` grows with every request, `broken_off` with every part of one.

    A body with the member `stream` is answered with `events` events, any other with the name.
    While it `answers_early`, it refuses with 429 whatever begins to come, and reads no body.
    While it `pauses`, streams stop after their first event.
    """

    name: str
    port: int = 0
    events: int = 50
    answers_early: bool = False
    pauses: bool = False
    arrived: list[Arrived] = field(default_factory=list)
    broken_off: list[Arrived] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where it listens, HOST:PORT."""
        return f"127.0.0.1:{self.port}"

    def only(self) -> Arrived:
        """Return the one request that arrived."""
        (request,) = self.arrived
        return request


def _app(upstream: Upstream) -> Starlette:
    async def answer(request: Request) -> Response:
        if request.url.path in {"/health", "/metrics"}:
            return Response(media_type="text/plain")
        body = bytearray()
        try:
            if not upstream.answers_early:
                async for chunk in request.stream():
                    body += chunk
        except ClientDisconnect:
            upstream.broken_off.append(_arrived(request, body))
            return Response()
        upstream.arrived.append(_arrived(request, body))
        return _answer(upstream, body)

    return Starlette(routes=[Route("/{path:path}", answer, methods=list(_METHODS))])


def _arrived(request: Request, body: bytearray) -> Arrived:
    return Arrived(request.method, request.url.path, dict(request.headers), bytes(body))


def _answer(upstream: Upstream, body: bytearray) -> Response:
    if upstream.answers_early:
        return JSONResponse({"error": "too many requests"}, 429)
    if b'"stream":' in body:
        return StreamingResponse(_events(upstream), media_type="text/event-stream")
    return JSONResponse({"served_by": upstream.name})


async def _events(upstream: Upstream) -> AsyncIterator[bytes]:
    for number in range(upstream.events):
        yield f'data: {{"choices": [{{"delta": {{"content": "{number} "}}}}]}}\n\n'.encode()
        await asyncio.sleep(_EVENT_GAP)
        while upstream.pauses:  # noqa: ASYNC110 - it is changed in another thread
            await asyncio.sleep(_EVENT_GAP)
    yield b"data: [DONE]\n\n"


@contextmanager
def running_upstream(name: str, *, events: int = 50) -> Iterator[Upstream]:
    """Run an upstream in a thread for as long as the block lasts."""
    upstream = Upstream(name, events=events)
    config = uvicorn.Config(_app(upstream), port=0, log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    give_up = time.monotonic() + 10
    while not server.started and time.monotonic() < give_up:
        time.sleep(0.01)
    upstream.port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.should_exit = True
        thread.join(10)
