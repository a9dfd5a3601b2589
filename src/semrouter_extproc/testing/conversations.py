"""What Envoy said to a processor about one request, as it was recorded."""

import base64
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from semrouter_extproc.extproc._pb.ext_proc_pb2 import ProcessingRequest

RECORDED: Final = Path(__file__).parent / "recorded"
"""The conversations that come with the package: Envoy 1.40."""

_SUFFIX: Final = ".jsonl.gz"


@dataclass(frozen=True)
class Conversation:
    """Envoy's half of a stream, each message in the bytes that it sent.

    `hung_up` is a client that went away before its request was whole.
    """

    name: str
    messages: tuple[bytes, ...]
    hung_up: bool = False

    @cached_property
    def requests(self) -> Sequence[ProcessingRequest]:
        """The messages, read."""
        return [ProcessingRequest.FromString(each) for each in self.messages]

    @property
    def mode(self) -> int:
        """The mode in which the body comes, one of `BodySendMode`."""
        return self.requests[0].protocol_config.request_body_mode

    @property
    def headers(self) -> dict[str, bytes]:
        """The headers of the request."""
        listed = self.requests[0].request_headers.headers.headers
        return {each.key: each.raw_value for each in listed}

    @property
    def body(self) -> bytes:
        """The body of the request, so far as it came."""
        return b"".join(each.request_body.body for each in self.requests)


def recorded(folder: Path = RECORDED) -> Sequence[Conversation]:
    """Return the conversations in a folder, by their names."""
    return [read(file) for file in sorted(folder.glob(f"*{_SUFFIX}"))]


def read(file: Path) -> Conversation:
    """Read one conversation."""
    name = file.name.removesuffix(_SUFFIX)
    lines = gzip.decompress(file.read_bytes()).splitlines()
    messages = tuple(base64.b64decode(line) for line in lines)
    return Conversation(name, messages, hung_up=name.endswith("hung-up"))


def write(conversation: Conversation, folder: Path) -> None:
    """Write one conversation, a message a line."""
    lines = b"\n".join(base64.b64encode(each) for each in conversation.messages)
    # Without a time in it, the same conversation is the same file.
    packed = gzip.compress(lines, mtime=0)
    (folder / f"{conversation.name}{_SUFFIX}").write_bytes(packed)
