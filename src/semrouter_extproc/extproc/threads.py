"""How gRPC's own threads share the cores with the event loop."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def unobtrusive_threads() -> Iterator[None]:
    """Have the threads that are started inside, and those that they start, interrupt nobody.

    gRPC's threads do little but pass events to the event loop. By default each one that wakes
    up interrupts the loop, several times a request; like this the events gather until the loop
    has a pause, for a fifth less CPU per request. Does nothing but on Linux.
    """
    if sys.platform != "linux":
        yield
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    # A sandbox may forbid it: then all is as it was.
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setscheduler(0, *before)
