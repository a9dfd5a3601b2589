"""Waiting for what will be true in a moment."""

import time
from collections.abc import Callable


def eventually(claim: Callable[[], bool], *, seconds: float = 10) -> bool:
    give_up = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.05)
    return True
