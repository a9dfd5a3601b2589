"""A share of the decisions as lines of the log, and no prompt in them unless asked for."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog.testing
from msgspec import structs
from prometheus_client import CollectorRegistry

from semrouter_extproc.core.policy import Decision, Reason
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.errors import ConfigError
from semrouter_extproc.observe.decisions import DecisionLog, redaction
from semrouter_extproc.observe.metrics import Metrics, Rung
from semrouter_extproc.observe.observer import Handled

CANARY = "Zanzibar-4711"
REQUEST = Handled(
    id="a",
    path="/v1/chat/completions",
    body=CANARY.encode(),
    decision=Decision("qwen3", Reasoning.ON, Reason.ROUTED, "math", 0.75),
    began=1_000_000_000,
    ended=1_007_500_000,
    wish=CANARY,
    text=CANARY,
    rung=Rung.ENCODER,
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)


class Scene:
    """A log at work: its lines, and what it counts."""

    def __init__(self, lines: list[Any], **options: Any) -> None:
        self.lines = lines
        self.registry = CollectorRegistry()
        usual = {"share": 1.0, "prompts": False, "redact": None}
        self.log = DecisionLog(metrics=Metrics(self.registry), **(usual | options))

    def counted(self, outcome: str) -> float | None:
        labels = {"outcome": outcome}
        return self.registry.get_sample_value("semrouter_decisions_logged_total", labels)


@contextmanager
def scene(**options: Any) -> Iterator[Scene]:
    with structlog.testing.capture_logs() as lines:
        scene = Scene(lines, **options)
        try:
            yield scene
        finally:
            scene.log.close()


def test_a_line_says_what_was_decided_and_nothing_of_the_prompt() -> None:
    with scene() as logged:
        logged.log.handled(REQUEST)

    assert logged.lines == [
        {
            "event": "decided",
            "log_level": "info",
            "request_id": "a",
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
            "path": "/v1/chat/completions",
            "model": "qwen3",
            "category": "math",
            "confidence": 0.75,
            "reasoning": "on",
            "reason": "routed",
            "rung": "encoder",
            "milliseconds": 7.5,
            "prompt_chars": len(CANARY),
        }
    ]
    assert logged.counted("written") == 1


@pytest.mark.parametrize("traceparent", ["", "none", "-", "00"])
def test_what_is_no_trace_is_not_named(traceparent: str) -> None:
    with scene() as logged:
        logged.log.handled(structs.replace(REQUEST, traceparent=traceparent))

    assert "trace_id" not in logged.lines[0]


def test_prompts_are_logged_where_they_are_asked_for() -> None:
    with scene(prompts=True) as logged:
        logged.log.handled(REQUEST)

    assert logged.lines[0]["prompt"] == CANARY


def test_a_redaction_has_the_last_word() -> None:
    with scene(prompts=True, redact=lambda text: text.replace("Zanzibar", "***")) as logged:
        logged.log.handled(REQUEST)

    assert logged.lines[0]["prompt"] == "***-4711"


def test_what_cannot_be_redacted_is_logged_without_its_prompt() -> None:
    def fails(text: str) -> str:
        raise ValueError(text)

    with scene(prompts=True, redact=fails) as logged:
        logged.log.handled(REQUEST)

    (line,) = logged.lines
    assert CANARY not in str(line)
    assert line["category"] == "math"
    assert logged.counted("not_redacted") == 1


def test_a_slow_redaction_holds_up_no_request_and_fills_no_memory() -> None:
    release = threading.Event()

    def waits(text: str) -> str:
        release.wait(10)
        return text[:1]

    long = Handled("a", "", b"", REQUEST.decision, began=0, ended=0, text="x" * 1_000_000)
    with scene(prompts=True, redact=waits) as logged:
        for _ in range(10):
            logged.log.handled(long)
        release.set()

    assert (logged.counted("written"), logged.counted("dropped")) == (4, 6)


def test_only_a_share_is_logged() -> None:
    with scene(share=0.0) as logged:
        logged.log.handled(REQUEST)

    assert logged.lines == []


def test_a_redaction_is_found_by_its_name() -> None:
    assert redaction("textwrap:dedent")("  a") == "a"


@pytest.mark.parametrize("name", ["no_such_module:f", "textwrap:no_such", "textwrap:__doc__"])
def test_a_redaction_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"log.redact: .*{name}"):
        redaction(name)
