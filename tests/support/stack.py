"""Envoy, the router and two upstreams: everything real but the models."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import yaml

from semrouter_extproc.config import Address, Config, parse
from semrouter_extproc.envoy.bootstrap import render
from semrouter_extproc.envoy.launcher import EnvoyProcess
from semrouter_extproc.testing.upstream import Upstream, running_upstream
from support.client import Answer, send
from support.ports import free_port
from support.processes import RouterProcess, running_router

MATH = "Find the derivative of the function f(x) = x^3 * sin(x) with respect to x."
LAW = "May a tenant sue the landlord for breach of the implied warranty of habitability?"

FULL_DUPLEX = {
    "processing_mode": {
        "request_body_mode": "FULL_DUPLEX_STREAMED",
        "request_trailer_mode": "SEND",
    },
    # In full duplex Envoy has nothing left to fail open with.
    "failure_mode_allow": False,
}
STREAMED = {
    "processing_mode": {"request_body_mode": "STREAMED", "request_trailer_mode": "SEND"},
}


@dataclass(frozen=True)
class Stack:
    """A running Envoy with what stands behind it."""

    address: Address
    envoy: EnvoyProcess
    router: RouterProcess
    thinker: Upstream
    talker: Upstream

    def request(
        self,
        body: bytes,
        *,
        method: str = "POST",
        path: str = "/v1/chat/completions",
        headers: dict[str, str] | None = None,
        chunked: bool = False,
    ) -> Answer:
        """Send one request through Envoy and read the whole answer."""
        return send(
            self.address, body, method=method, path=path, headers=headers or {}, chunked=chunked
        )

    def chat(self, prompt: str, **members: Any) -> Answer:
        """Ask the alias, with more members of the body if the test wants them."""
        return self.request(chat_body(prompt, **members))

    def forget(self) -> Self:
        """Drop what arrived so far."""
        self.thinker.arrived.clear()
        self.talker.arrived.clear()
        return self


def chat_body(prompt: str, **members: Any) -> bytes:
    message = {"role": "user", "content": prompt}
    return json.dumps({"model": "auto", "messages": [message], **members}).encode()


def stack_config(thinker: Upstream, talker: Upstream, **server: Any) -> Config:
    """Send math to a reasoning gpt-oss, law and everything doubtful to a plain qwen3."""
    document = {
        "models": {
            "thinker": {"dialect": "gpt-oss", "endpoints": [thinker.address]},
            "talker": {"dialect": "qwen3", "endpoints": [talker.address]},
        },
        "default": {"model": "talker", "reasoning": "off"},
        "routes": {
            "math": {"reasoning": "high", "model": "thinker"},
            "law": {"reasoning": "off"},
        },
        "clients": {"reasoning_header": True},
        "server": {
            "grpc": f"127.0.0.1:{free_port()}",
            "admin": f"127.0.0.1:{free_port()}",
            # A busy machine must not turn a test of routing into one of the deadline.
            "deadline": "5s",
            "max_body": 8 * 1024 * 1024,
            **server,
        },
        "envoy": {
            "listen": f"127.0.0.1:{free_port()}",
            "admin": f"127.0.0.1:{free_port()}",
            "message_timeout": "10s",
        },
    }
    return parse(document, source="the test's configuration")


def bootstrap_of(config: Config, changes: dict[str, Any] | None = None) -> str:
    """Return the bootstrap of `config`, its ext_proc filter changed as a test wants it."""
    document = yaml.safe_load(render(config))
    ext_proc = _ext_proc_filter(document)
    changes = dict(changes or {})
    ext_proc["processing_mode"] |= changes.pop("processing_mode", {})
    ext_proc |= changes
    return yaml.safe_dump(document)


def _ext_proc_filter(document: Any) -> Any:
    (listener,) = document["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return next(
        item["typed_config"]
        for item in manager["http_filters"]
        if item["name"] == "envoy.filters.http.ext_proc"
    )


@contextmanager
def running_stack(
    folder: Path, changes: dict[str, Any] | None = None, **server: Any
) -> Iterator[Stack]:
    """Run a whole stack for as long as the block lasts."""
    with ExitStack() as stack:
        thinker = stack.enter_context(running_upstream("thinker"))
        talker = stack.enter_context(running_upstream("talker"))
        config = stack_config(thinker, talker, **server)
        router = stack.enter_context(running_router(config, folder))
        envoy = stack.enter_context(EnvoyProcess(bootstrap_of(config, changes), folder))
        yield Stack(config.envoy.listen, envoy, router, thinker, talker)


@contextmanager
def another_envoy(stack: Stack, folder: Path, changes: dict[str, Any]) -> Iterator[Stack]:
    """Put one more Envoy in front of a running router, in another body mode."""
    config = stack.router.config
    ports = {
        "listen": Address("127.0.0.1", free_port()),
        "admin": Address("127.0.0.1", free_port()),
    }
    config = config.model_copy(update={"envoy": config.envoy.model_copy(update=ports)})
    with EnvoyProcess(bootstrap_of(config, changes), folder) as envoy:
        yield replace(stack, address=config.envoy.listen, envoy=envoy)
