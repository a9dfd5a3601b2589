"""An OpenAI-compatible server that remembers, byte for byte, what arrived."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from support.ports import free_port


@dataclass(frozen=True)
class Arrived:
    """One request as the upstream saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Upstream:
    """A running server; `arrived` grows with every request."""

    name: str
    port: int
    arrived: list[Arrived] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def only(self) -> Arrived:
        """Return the one request that arrived."""
        (request,) = self.arrived
        return request


async def _events(count: int) -> AsyncIterator[bytes]:
    for number in range(count):
        yield f'data: {{"choices": [{{"delta": {{"content": "{number} "}}}}]}}\n\n'.encode()
        await asyncio.sleep(0.02)
    yield b"data: [DONE]\n\n"


def _app(upstream: Upstream) -> Starlette:
    async def answer(request: Request) -> Response:
        body = await request.body()
        if request.url.path in {"/health", "/metrics"}:
            return Response(media_type="text/plain")
        upstream.arrived.append(
            Arrived(request.method, request.url.path, dict(request.headers), body)
        )
        if b'"stream":' in body:
            return StreamingResponse(_events(50), media_type="text/event-stream")
        return JSONResponse({"served_by": upstream.name})

    methods = ["GET", "POST", "PUT", "DELETE"]
    return Starlette(routes=[Route("/{path:path}", answer, methods=methods)])


@contextmanager
def running_upstream(name: str) -> Iterator[Upstream]:
    """Run an upstream in a thread for as long as the block lasts."""
    upstream = Upstream(name, free_port())
    config = uvicorn.Config(
        _app(upstream), port=upstream.port, log_config=None, lifespan="off", ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    give_up = time.monotonic() + 10
    while not server.started and time.monotonic() < give_up:
        time.sleep(0.01)
    try:
        yield upstream
    finally:
        server.should_exit = True
        thread.join(10)
