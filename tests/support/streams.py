"""One stream to the gRPC face, in memory: what gRPC does around it is done by hand."""

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from grpc.aio import EOF  # type: ignore[attr-defined]  # missing in the stubs
from numpy.typing import NDArray

from semrouter_extproc.encoding.batcher import Batcher
from semrouter_extproc.extproc._pb import ext_proc_pb2 as pb
from semrouter_extproc.extproc.service import SERVICE, external_processor
from semrouter_extproc.observe.observer import Handled
from support import tiny

ANOTHERS = "a prompt of another request"

PATIENT = 600.0
HASTY = 0.0
"""Deadlines for the encoder: one that never passes, one that always does."""

_TURNS = 20
"""More turns of the event loop than any message needs while the encoder is busy."""

_LONG = 20.0
"""Seconds after which an encoder that may answer never will."""


class Aborted(Exception):
    """The service ends the stream with an error."""


@dataclass
class Wire:
    """What a handler reads from and writes to; `answered` has a list for each message read."""

    said: "asyncio.Queue[Any]" = field(default_factory=asyncio.Queue)
    answered: list[list[pb.ProcessingResponse]] = field(default_factory=list)
    reading: bool = False

    async def read(self) -> Any:
        self.reading = self.said.empty()
        message = await self.said.get()
        self.reading = False
        self.answered.append([])
        return message

    async def write(self, answer: bytes) -> None:
        self.answered[-1].append(pb.ProcessingResponse.FromString(answer))

    async def abort(self, *_: Any) -> None:
        raise Aborted

    @staticmethod
    def invocation_metadata() -> None:
        """Tell of no trace."""


class GatedEncoder:
    """Holds every batch until the gate opens, and keeps what it encoded."""

    fingerprint = "gated@sha256:0000000000000000"
    dimensions = 2
    workers = 1
    batch_cost = 10_000

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.is_busy = threading.Event()
        self.encoded: list[str] = []

    def tokenize(self, texts: Sequence[str]) -> Sequence[str]:
        return texts

    def encode(self, batch: Sequence[str]) -> NDArray[np.float32]:
        self.encoded += batch
        self.is_busy.set()
        self.gate.wait()
        return np.array([tiny.VECTORS.get(text, tiny.VECTORS[tiny.LAW]) for text in batch], "f4")


class StreamInMemory:
    """A request's stream to a router of its own, whose encoder is busy with another's prompt.

    Every call returns once the service has done all that it can for now.
    """

    def __init__(self, *, deadline: float, max_body: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._encoder = GatedEncoder()
        self._batcher = self._loop.run_until_complete(self._queue())
        router = tiny.router(self._batcher.submit, deadline=deadline)
        service: Any = external_processor(lambda: router, max_body=max_body, observers=[self])
        self.reasons: list[str] = []
        self._wire = Wire()
        handler = service.service(_Called(f"/{SERVICE}/Process")).stream_unary
        self._task = self._loop.create_task(self._served(handler(None, self._wire)))
        self._settle()

    @property
    def answered(self) -> Sequence[Sequence[pb.ProcessingResponse]]:
        """The answers to each message that was read, in the order of the messages."""
        return self._wire.answered

    @property
    def encoded(self) -> Sequence[str]:
        """What the encoder was given of this stream."""
        return [text for text in self._encoder.encoded if text != ANOTHERS]

    @property
    def is_over(self) -> bool:
        """Whether the service has ended the stream, or was cancelled."""
        return self._task.done()

    @property
    def is_waiting(self) -> bool:
        """Whether an answer hangs on the encoder."""
        return not self._task.done() and not self._wire.reading

    @property
    def fault(self) -> BaseException | None:
        """What the service ended the stream by, None where it ended well or was cancelled."""
        if not self._task.done() or self._task.cancelled():
            return None
        return self._task.exception()

    def handled(self, request: Handled) -> None:
        """Keep why a body was decided as it was."""
        self.reasons.append(request.decision.reason)

    def say(self, message: pb.ProcessingRequest | None) -> None:
        """Send a message; None is that no more of them follows."""
        self._wire.said.put_nowait(EOF if message is None else message)
        self._settle()

    def hang_up(self) -> None:
        """Cancel the stream, as gRPC does when the request is gone."""
        self._task.cancel()
        self._settle()

    def encode(self) -> None:
        """Let the encoder answer, and from now on at once."""
        self._encoder.gate.set()
        self._settle()

    def drain(self) -> None:
        """Close the queue before the encoder, which answers those who wait in it."""
        self._encoder.gate.set()
        self._loop.run_until_complete(self._batcher.aclose())
        self._settle()

    def close(self) -> Sequence[object]:
        """End everything; return the tasks and the entries of the queue that are left even so."""
        self.hang_up()
        self.drain()
        left = [*asyncio.all_tasks(self._loop), *range(self._batcher.depth)]
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
        return left

    async def _queue(self) -> "Batcher[str]":
        batcher = Batcher(
            self._encoder, max_cost=10_000, max_queue=10, patience=PATIENT, on_batch=lambda _: None
        )
        self._another = asyncio.create_task(batcher.submit(ANOTHERS))
        await asyncio.sleep(0)
        self._encoder.is_busy.wait()
        return batcher

    async def _served(self, handling: Any) -> None:
        await self._wire.write(await handling)

    def _settle(self) -> None:
        self._loop.run_until_complete(_turns())
        give_up = time.monotonic() + _LONG
        # The encoder answers from a thread of its own.
        while self._encoder.gate.is_set() and self.is_waiting and time.monotonic() < give_up:
            self._loop.run_until_complete(asyncio.sleep(0.0002))


async def _turns() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


@dataclass(frozen=True)
class _Called:
    """What gRPC says of a call."""

    method: str
