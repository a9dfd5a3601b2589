"""How long texts will wait for the encoder, by what it took of late."""

from typing import Final

_NEWEST: Final = 0.1
"""What the latest batch counts in the averages."""


class Pace:
    """Averages over batches of an encoder that `workers` threads call at once."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._seconds = 0.0
        self._characters = 0.0

    def seconds_for(self, characters: int) -> float:
        """Return how long texts of so many characters will take; 0 while nothing is known."""
        # Averages of both, divided: an average of quotients would follow the shortest texts.
        return characters * self._seconds / max(self._characters, 1)

    def learn(self, characters: int, seconds: float, *, is_full: bool) -> None:
        """Take a batch into account. `is_full` says that other texts had to wait for the next.

        One that is not full says only that the pace is at least this: a remote server takes as
        long for a lone text as for thirty. But it says that, or after one slow batch callers
        would be turned away, and batches not full, for good.
        """
        shared = seconds / self._workers
        is_faster = shared * self._characters < characters * self._seconds
        if is_full or is_faster:
            weight = _NEWEST if self._seconds else 1.0
            self._seconds += weight * (shared - self._seconds)
            self._characters += weight * (characters - self._characters)
