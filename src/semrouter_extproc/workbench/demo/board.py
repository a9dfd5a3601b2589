"""The demo's table: a row for each prompt, filled while the answers come."""

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from semrouter_extproc.core import headers
from semrouter_extproc.workbench.demo.client import Answer, Failure
from semrouter_extproc.workbench.demo.prompts import Prompt

Outcome = Answer | Failure


class Board:
    """Outcomes of all prompts, `routed` and `always_on`, each in the order of the prompts.

    `narrow` shortens words to leave some of 80 characters to the prompts.
    """

    def __init__(self, prompts: Sequence[Prompt], *, narrow: bool = False) -> None:
        self._prompts = prompts
        self._narrow = narrow
        self._spinner = Spinner("dots")
        self.routed: list[Outcome] = []
        self.always_on: list[Outcome] = []

    @property
    def outcomes(self) -> list[Outcome]:
        """All that came back, in the order in which it was asked for."""
        return [*self.routed, *self.always_on]

    def table(self) -> Table:
        """Draw what is known so far."""
        table = self._empty_table()
        for index, prompt in enumerate(self._prompts):
            table.add_row(
                _asked(prompt),
                *self._decision(index),
                *self._cost(self.routed, index, waiting=True),
                *self._cost(self.always_on, index, waiting=len(self.routed) == len(self._prompts)),
            )
        return table

    def _empty_table(self) -> Table:
        table = Table(show_footer=True, expand=True, box=SIMPLE_HEAD, padding=0)
        table.add_column("Prompt", "Total", ratio=1, no_wrap=True, overflow="ellipsis")
        for title in ("Category", "Conf.", "Reasoning", "Reason"):
            table.add_column(title, no_wrap=True, max_width=10 if self._narrow else None)
        for title, outcomes in (("Tokens", self.routed), ("Always on", self.always_on)):
            tokens, seconds = _written(cost_of(outcomes))
            table.add_column(title, tokens, justify="right", no_wrap=True)
            table.add_column("s", seconds, justify="right", no_wrap=True)
        return table

    def _decision(self, index: int) -> Iterable[RenderableType]:
        outcome = self.routed[index] if index < len(self.routed) else None
        if not isinstance(outcome, Answer):
            return ["", "", "", "failed" if outcome else ""]
        told = outcome.headers
        return [
            told.get(headers.CATEGORY, "-"),
            told.get(headers.CONFIDENCE, "-"),
            _coloured(told.get(headers.REASONING, "-")),
            told.get(headers.REASON, "-"),
        ]

    def _cost(
        self, outcomes: Sequence[Outcome], index: int, *, waiting: bool
    ) -> Iterable[RenderableType]:
        if index < len(outcomes):
            outcome = outcomes[index]
            return _written(cost_of([outcome])) if isinstance(outcome, Answer) else ["failed", ""]
        return [self._spinner if waiting and index == len(outcomes) else "", ""]


def _asked(prompt: Prompt) -> Text:
    manner = f"[{prompt.manner}] " if prompt.manner else ""
    return Text.assemble((manner, "dim"), prompt.text)


def cost_of(outcomes: Sequence[Outcome]) -> tuple[int, float]:
    """Sum tokens written and seconds taken."""
    answers = [each for each in outcomes if isinstance(each, Answer)]
    return sum(each.tokens for each in answers), sum(each.seconds for each in answers)


def _written(cost: tuple[int, float]) -> list[str]:
    tokens, seconds = cost
    return [str(tokens), f"{seconds:.1f}"] if tokens else ["", ""]


def _coloured(reasoning: str) -> Text:
    return Text(reasoning, style={"on": "yellow", "off": "green"}.get(reasoning, ""))
