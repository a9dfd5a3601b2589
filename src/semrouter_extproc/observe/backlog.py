"""Work that must not hold up the event loop: it waits, in bounded memory, for a thread."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class Backlog(Generic[_Item]):
    """Items in the order they came, each given to `work` in a thread of its own.

    At most `room` of their sizes wait at a time. `work` must not raise.
    """

    def __init__(self, work: Callable[[_Item], object], *, name: str, room: int) -> None:
        self._work = work
        self._room = room
        self._items: SimpleQueue[tuple[_Item, int] | None] = SimpleQueue()
        # Each is written by one thread only; their difference is what waits.
        self._taken = 0
        self._done = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """The sizes of all that waits, and of what is worked on."""
        return self._taken - self._done

    def put(self, item: _Item, size: int) -> bool:
        """Let an item wait, or return False where there is no room. For one thread; never waits."""
        if self.waiting + size > self._room:
            return False
        self._taken += size
        self._items.put((item, size))
        return True

    def close(self, patience: float) -> bool:
        """Work off what waits for at most `patience` seconds, and say whether that was all."""
        self._items.put(None)
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (entry := self._items.get()) is not None:
            item, size = entry
            self._work(item)
            self._done += size
