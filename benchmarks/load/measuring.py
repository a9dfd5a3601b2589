"""Traffic together with what the processes that serve it use meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from load.stack import Stack
from load.traffic import Answers, Questions, Traffic, arrivals, callers, send
from load.usage import Usage


@dataclass(frozen=True, slots=True)
class Measured:
    """What came back, and what each part used before and after."""

    answers: Answers
    before: Mapping[str, Usage]
    after: Mapping[str, Usage]

    def cpu(self, part: str) -> float:
        """Return the CPU seconds of a part; 0 for one that is not there."""
        return self.after[part].cpu - self.before[part].cpu if part in self.after else 0.0

    def cpu_us(self, part: str) -> float:
        """Return CPU microseconds per request."""
        return self.cpu(part) / len(self.answers) * 1e6

    @property
    def encoding(self) -> float:
        """The CPU seconds of the router's threads that encode."""
        return self.after["router"].yielding - self.before["router"].yielding


def measure(traffic: Traffic, parts: Mapping[str, Sequence[int]]) -> Measured:
    """Send traffic, and watch the processes that `parts` names."""
    before = {name: Usage.of(pids) for name, pids in parts.items()}
    answers = send(traffic)
    return Measured(answers, before, {name: Usage.of(pids) for name, pids in parts.items()})


class Asker:
    """Asks stacks, never the same twice."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._questions = Questions(texts)

    def saturate(self, stack: Stack, count: int, seconds: float) -> Measured:
        """Let callers ask as fast as they are answered."""
        return self._ask(stack, callers(count, stack.address, self._questions, seconds))

    def at_random(self, stack: Stack, rate: float, seconds: float) -> Measured:
        """Let strangers ask, so many a second."""
        return self._ask(stack, arrivals(rate, stack.address, self._questions, seconds))

    def _ask(self, stack: Stack, traffic: Traffic) -> Measured:
        found = measure(traffic, stack.processes)
        self._questions = self._questions.after(len(found.answers))
        return found
