"""How long work says what it is doing."""

from typing import Protocol


class Progress(Protocol):
    """Told, often, what a wait is for."""

    def step(self, text: str) -> None:
        """Begin a part of the work, such as "Installing vLLM"."""

    def detail(self, text: str) -> None:
        """Show that the part moves on, such as with the last line of a log."""


class Silent:
    """A progress that nobody watches."""

    def step(self, text: str) -> None:
        """Do nothing."""

    def detail(self, text: str) -> None:
        """Do nothing."""
