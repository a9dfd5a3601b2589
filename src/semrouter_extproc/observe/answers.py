"""What answers cost: tokens and seconds, as Envoy tells them when they are over.

Two views of the same: `semrouter_*` by what was decided, and `gen_ai_*` by the names of
OpenTelemetry's conventions for generative models, as dashboards of Envoy AI Gateway know them.
"""

from collections import Counter
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final, NamedTuple

from prometheus_client.core import Metric

from semrouter_extproc.observe.counters import counter_family
from semrouter_extproc.observe.histogram import Histogram, histogram_family

_TOKENS: Final = tuple(4.0**power for power in range(14))
_SECONDS: Final = tuple(0.01 * 2.0**power for power in range(14))
"""The buckets that the conventions ask for."""

_STATUSES: Final = range(100, 600)
_MOST_LABELS: Final = 1000
_OTHER: Final = "other"

_OPERATIONS: Final = {
    "/v1/chat/completions": "chat",
    "/v1/responses": "chat",
    "/v1/messages": "chat",
    "/v1/completions": "text_completion",
}


class Decided(NamedTuple):
    """What was decided about an answer's request, "" for what was not."""

    model: str
    category: str
    reasoning: str


class Answered(NamedTuple):
    """An answer that is over. Tokens are None where the model's server told none.

    `status` is 0 where no answer came. `first_byte` and `seconds` count from the request's
    arrival to the first and the last byte that the client was sent.
    """

    path: str
    decided: Decided
    status: int
    prompt_tokens: int | None
    completion_tokens: int | None
    first_byte: float
    seconds: float


class AnswerCounts:
    """Answers, by what was decided. Belongs to the event loop's thread.

    Whoever reaches the port could tell of answers that never were: past a thousand combinations
    of labels, further ones are counted as "other".
    """

    def __init__(self) -> None:
        self._answers: Counter[tuple[str, ...]] = Counter()
        self._tokens: Counter[tuple[str, ...]] = Counter()
        self._usage: dict[tuple[str, ...], Histogram] = {}
        self._durations: dict[tuple[str, ...], Histogram] = {}
        self._first_bytes: dict[tuple[str, ...], Histogram] = {}

    def over(self, answer: Answered) -> None:
        """Count an answer."""
        decided = self._bounded(answer.decided)
        usage = "untold" if answer.completion_tokens is None else "told"
        self._answers[(*decided, _class_of(answer.status), usage)] += 1
        generation = (_OPERATIONS.get(answer.path, _OTHER), decided.model)
        told = {"input": answer.prompt_tokens, "output": answer.completion_tokens}
        for kind, tokens in told.items():
            if tokens is not None:
                self._tokens[(*decided, kind)] += tokens
                _of(self._usage, (*generation, kind), _TOKENS).observe(tokens)
        _of(self._durations, generation, _SECONDS).observe(answer.seconds)
        if answer.status == HTTPStatus.OK:
            _of(self._first_bytes, generation, _SECONDS).observe(answer.first_byte)

    def collect(self) -> Iterable[Metric]:
        """Return everything as metrics."""
        decided = ["model", "category", "reasoning"]
        yield counter_family(
            "semrouter_answers",
            "Answers, by what was decided, their status, and whether their server told its tokens.",
            self._answers,
            [*decided, "status", "usage"],
        )
        yield counter_family(
            "semrouter_answer_tokens",
            "Tokens of prompts (input) and answers (output), by what was decided.",
            self._tokens,
            [*decided, "type"],
        )
        generation = ["gen_ai_operation_name", "gen_ai_request_model"]
        yield histogram_family(
            "gen_ai_client_token_usage_token",
            "Tokens of a request.",
            self._usage,
            [*generation, "gen_ai_token_type"],
        )
        yield histogram_family(
            "gen_ai_server_request_duration_seconds",
            "Time from a request to the last byte of its answer.",
            self._durations,
            generation,
        )
        yield histogram_family(
            "gen_ai_server_time_to_first_token_seconds",
            "Time from a request to the first byte of its answer.",
            self._first_bytes,
            generation,
        )

    def _bounded(self, decided: Decided) -> Decided:
        known = len(self._answers) < _MOST_LABELS
        if known or any(labels[: len(decided)] == decided for labels in self._answers):
            return decided
        return Decided(_OTHER, _OTHER, _OTHER)


def _class_of(status: int) -> str:
    return f"{status // 100}xx" if status in _STATUSES else "none"


def _of(
    histograms: dict[tuple[str, ...], Histogram], labels: tuple[str, ...], bounds: tuple[float, ...]
) -> Histogram:
    if labels not in histograms:
        histograms[labels] = Histogram(bounds)
    return histograms[labels]
