"""Says a recorded conversation to a server, as Envoy would, and hears what it answers."""

import queue
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import grpc

from semrouter_extproc.extproc._pb.ext_proc_pb2 import ProcessingRequest, ProcessingResponse
from semrouter_extproc.extproc.service import SERVICE
from semrouter_extproc.testing.conversations import Conversation
from semrouter_extproc.testing.envoy import Envoy, Outcome
from semrouter_extproc.testing.serving import ANY_SIZE

_MOMENT: Final = 0.3
"""Seconds in which a server that is done ends its stream."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a conversation.

    `outcome` is None for a client that hung up, and where the server has not answered in time.
    `held` says that the server left the stream open when all was said: what then happens to it
    happens to the answer of the model, which is still on its way.
    """

    outcome: Outcome | None
    responses: Sequence[ProcessingResponse]
    held: bool
    seconds: float


def play(address: str, conversation: Conversation, *, patience: float = 10.0) -> Played:
    """Play `conversation` to the server at `address`, HOST:PORT, for `patience` seconds at most."""
    with grpc.insecure_channel(address, ANY_SIZE) as channel:
        return _Stream(channel, conversation, patience).run()


class _Stream:
    """One stream, from its first message to its end."""

    def __init__(self, channel: grpc.Channel, conversation: Conversation, patience: float) -> None:
        self._conversation = conversation
        self._envoy = Envoy(conversation)
        self._said: queue.SimpleQueue[ProcessingRequest | None] = queue.SimpleQueue()
        method = channel.stream_stream(
            f"/{SERVICE}/Process",
            ProcessingRequest.SerializeToString,
            ProcessingResponse.FromString,
        )
        self._call = method(iter(self._said.get, None), timeout=patience)

    def run(self) -> Played:
        began = time.monotonic()
        heard: list[ProcessingResponse] = []
        self._say()
        if self._conversation.hung_up:
            self._call.cancel()  # type: ignore[no-untyped-call]  # untyped in the stubs
            return Played(None, heard, held=False, seconds=time.monotonic() - began)
        error, late = "", False
        try:
            for response in self._call:
                heard.append(response)
                self._envoy.hear(response)
                if self._envoy.outcome is not None:
                    break
                self._say()
        except grpc.RpcError as failure:
            late = failure.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            error = f"the server ended the stream: {failure.code().name}"
        seconds = time.monotonic() - began
        if not late:
            self._envoy.end(error=error)
        return Played(self._envoy.outcome, heard, self._is_held(), seconds)

    def _say(self) -> None:
        while (message := self._envoy.next()) is not None:
            self._said.put(message)

    def _is_held(self) -> bool:
        """Say whether the server still keeps the stream, a moment after all was said."""
        give_up = time.monotonic() + _MOMENT
        while self._call.is_active() and time.monotonic() < give_up:
            time.sleep(0.005)
        held: bool = self._call.is_active()
        self._said.put(None)
        self._call.cancel()  # type: ignore[no-untyped-call]  # untyped in the stubs
        return held
