"""Configuration that changes under load, with a real Envoy in front."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
import yaml

from semrouter_extproc.testing.upstream import Arrived
from support.stack import LAW, MATH, Stack, running_stack

if TYPE_CHECKING:
    from support.client import Answer

CALLERS = 4
FIRST, SECOND = "You answer by the first page.", "You answer by the second page."


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose page changes."""
    with running_stack(tmp_path_factory.mktemp("reload")) as stack:
        yield stack


def page_of(stack: Stack) -> Path:
    return stack.router.log.parent / "semrouter.yaml"


def write(stack: Stack, route: dict[str, Any], **sections: Any) -> None:
    """Replace the page as an editor does: at once."""
    page = stack.router.config.model_dump(mode="json") | {"routes": {"math": route}} | sections
    new = page_of(stack).with_suffix(".new")
    new.write_text(yaml.safe_dump(page))
    new.rename(page_of(stack))


def first(stack: Stack) -> None:
    route = {"model": "thinker", "reasoning": "high", "system_prompt": {"prepend": FIRST}}
    write(stack, route)


def second(stack: Stack) -> None:
    route = {"model": "talker", "reasoning": "off", "system_prompt": {"prepend": SECOND}}
    write(stack, route)


def loaded(stack: Stack) -> tuple[float, float]:
    """Return when the page was last taken, and whether the last change was."""
    name = "semrouter_config_last_reload_success"
    return stack.router.metric(f"{name}_timestamp_seconds"), stack.router.metric(f"{name}ful")


@contextmanager
def taken_up(stack: Stack) -> Iterator[None]:
    """Wait, after the block, until its change was taken or refused."""
    before = loaded(stack)
    yield
    give_up = time.monotonic() + 20
    while loaded(stack) == before:
        assert time.monotonic() < give_up, "the change was not taken up"
        time.sleep(0.1)


class Callers:
    """Ask for mathematics, again and again, until told to stop."""

    def __init__(self, stack: Stack) -> None:
        self.answers: list[Answer] = []
        self._stack = stack
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CALLERS)]

    def _ask(self) -> None:
        while not self._stop.is_set():
            self.answers.append(self._stack.chat(MATH))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def by_one_page(arrived: Arrived, served_by: str) -> bool:
    """Say whether model, reasoning and system prompt of a request are all of the same page."""
    told = arrived.json["messages"][0]["content"]
    body = arrived.json
    expected = {
        FIRST: ("thinker", "high", None),
        SECOND: ("talker", None, {"enable_thinking": False}),
    }[told]
    found = (body["model"], body.get("reasoning_effort"), body.get("chat_template_kwargs"))
    return found == expected and served_by == expected[0]


def test_under_load_no_request_fails_and_none_is_decided_by_two_pages(own_stack: Stack) -> None:
    stack = own_stack.forget()
    with taken_up(stack):
        second(stack)
    stack.forget()

    with Callers(stack) as callers:
        for change in (first, second):
            with taken_up(stack):
                change(stack)
            with taken_up(stack):
                page_of(stack).write_text("models: [")
            assert loaded(stack)[1] == 0
        with taken_up(stack):
            first(stack)

    assert len(callers.answers) > 200
    assert {answer.status for answer in callers.answers} == {200}
    assert {answer.headers["x-semrouter-reason"] for answer in callers.answers} == {"routed"}
    assert len(stack.thinker.arrived) + len(stack.talker.arrived) == len(callers.answers)
    assert min(len(stack.thinker.arrived), len(stack.talker.arrived)) > 50
    assert all(by_one_page(each, "thinker") for each in stack.thinker.arrived)
    assert all(by_one_page(each, "talker") for each in stack.talker.arrived)


def test_a_refused_change_is_told_in_the_log_with_its_path(own_stack: Stack) -> None:
    with taken_up(own_stack):
        first(own_stack)
    with taken_up(own_stack):
        write(own_stack, {"reasoning": "deeply"})

    told = [line for line in own_stack.router.log.read_text().splitlines() if "refused" in line]
    assert "routes.math.reasoning" in told[-1]
    assert own_stack.chat(MATH).headers["x-semrouter-model"] == "thinker"


def test_a_shadow_counts_what_it_would_decide_otherwise(own_stack: Stack, tmp_path: Path) -> None:
    shadow = tmp_path / "shadow.yaml"
    page = own_stack.router.config.model_dump(mode="json")
    shadow.write_text(yaml.safe_dump(page | {"routes": {"math": {"reasoning": "off"}}}))
    route = {"model": "thinker", "reasoning": "high"}
    with taken_up(own_stack):
        write(own_stack, route, shadow=str(shadow))

    answers = [own_stack.chat(prompt) for prompt in (MATH, MATH, LAW)]

    assert answers[0].headers["x-semrouter-model"] == "thinker"
    metric = own_stack.router.metric
    assert metric('semrouter_shadow_prompts_total{outcome="disagreed"}') == 2
    assert metric('semrouter_shadow_prompts_total{outcome="agreed"}') == 1
    assert metric("semrouter_shadow_disagreements_total{") == 2
