"""Traffic together with what the processes that serve it use meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass

from load.traffic import Answers, Traffic, send
from load.usage import Usage


@dataclass(frozen=True, slots=True)
class Measured:
    """What came back, and by part: CPU seconds spent on it, bytes of memory after it."""

    answers: Answers
    cpu: Mapping[str, float]
    resident: Mapping[str, int]

    def cpu_us(self, part: str) -> float:
        """Return CPU microseconds per request; 0 for a part that is not there."""
        return self.cpu.get(part, 0.0) / len(self.answers) * 1e6


def measure(traffic: Traffic, parts: Mapping[str, list[int]]) -> Measured:
    """Send traffic, and watch the processes that `parts` names."""
    before = {name: Usage.of(pids) for name, pids in parts.items()}
    answers = send(traffic)
    after = {name: Usage.of(pids) for name, pids in parts.items()}
    return Measured(
        answers,
        cpu={name: after[name].cpu - before[name].cpu for name in parts},
        resident={name: usage.resident for name, usage in after.items()},
    )
