"""What the demo asks: a little of everything, in the ways that clients ask."""

from dataclasses import dataclass
from typing import Final

from semrouter_extproc.workbench.backend.server import ALIASES, MODEL


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question and how it is sent.

    `thinking` is the client's own wish, None if it has none. With `parts`, the text travels
    as a list of content parts.
    """

    text: str
    stream: bool = False
    parts: bool = False
    thinking: bool | None = None
    model: str = ALIASES[0]

    @property
    def manner(self) -> str:
        """How the prompt is sent, where that is not the plain way."""
        manners = {
            "stream": self.stream,
            "parts": self.parts,
            f"thinking {'on' if self.thinking else 'off'}": self.thinking is not None,
            f"to {self.model}": self.model not in ALIASES,
        }
        return ", ".join(name for name, applies in manners.items() if applies)


PROMPTS: Final = (
    Prompt("A train covers 180 km in 2 hours and 15 minutes. What is its average speed?"),
    Prompt("Why does a skater spin faster when she pulls her arms in?", stream=True),
    Prompt("What must two parties agree on before a contract binds them?"),
    Prompt("Who ordered the wall across the north of Roman Britain, and why?", stream=True),
    Prompt("Why does binary search need a sorted array, and how many steps does it take?"),
    Prompt("Good morning! I just adopted a kitten. What shall I call her?"),
    Prompt("How do mitochondria turn sugar into energy that a cell can use?", stream=True),
    Prompt("How should a small bakery set the price of its bread?"),
    Prompt("Why do people remember the first and last items of a list best?", stream=True),
    Prompt("How much sleep does a teenager need each night?", parts=True),
    Prompt("Balance the equation for hydrogen burning in oxygen.", thinking=False),
    Prompt("What did Descartes mean by doubting everything?", model=MODEL),
)
