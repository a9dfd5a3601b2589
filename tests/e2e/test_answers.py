"""Tokens and seconds of answers, from a real Envoy to the router's metrics."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from semrouter_extproc.config import Config
from semrouter_extproc.workbench.loopback import serving
from support.canned_upstream import CannedUpstream
from support.client import send
from support.eventually import eventually
from support.front import running_page
from support.processes import RouterProcess, running_router
from support.stack import LAW, MATH, chat_body

CHAT = "/v1/chat/completions"


@dataclass
class Front:
    """Envoy, a router, and a model that bills 9 tokens for an answer and 22 for a stream."""

    config: Config
    router: RouterProcess

    def ask(self, prompt: str, **members: Any) -> None:
        body = chat_body(prompt, **members)
        send(self.config.envoy.listen, body, method="POST", path=CHAT, headers={})

    def tokens(self, category: str, reasoning: str) -> float:
        labels = f'category="{category}",model="qwen3",reasoning="{reasoning}",type="output"'
        return self.router.metric(f"semrouter_answer_tokens_total{{{labels}}}")


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with ExitStack() as stack:
        model = stack.enter_context(serving(CannedUpstream()))
        page = {
            "models": {"qwen3": {"dialect": "qwen3", "endpoints": [model.address]}},
            "default": {"model": "qwen3", "reasoning": "off"},
            "routes": {"math": {"reasoning": "on"}, "law": {"reasoning": "off"}},
        }
        yield Front(*stack.enter_context(running_page(page, tmp_path)))


def test_what_answers_cost_is_counted_by_category_and_reasoning(front: Front) -> None:
    for _ in range(3):
        front.ask(MATH)
    front.ask(MATH, stream=True)
    front.ask(LAW)

    assert eventually(lambda: front.tokens("math", "on") == 3 * 9 + 22, seconds=15)
    assert eventually(lambda: front.tokens("law", "off") == 9, seconds=15)
    metric = front.router.metric
    chat = '{gen_ai_operation_name="chat",gen_ai_request_model="qwen3"'
    assert metric(f"gen_ai_server_request_duration_seconds_count{chat}}}") == 5
    # The stream's events are 0.2 seconds apart.
    assert 0.4 < metric(f"gen_ai_server_request_duration_seconds_sum{chat}}}") < 10
    output = f'{chat},gen_ai_token_type="output"}}'
    assert metric(f"gen_ai_client_token_usage_token_sum{output}") == 58


def test_a_router_that_drains_is_not_held_up_and_another_is_told(
    front: Front, tmp_path: Path
) -> None:
    front.ask(MATH)
    assert eventually(lambda: front.tokens("math", "on") == 9, seconds=15)

    began = time.monotonic()
    front.router.terminate()
    assert front.router.wait() == 0
    # The delay of a drain is five seconds, and it would wait for 25 more for what still runs.
    assert time.monotonic() - began < 15

    with running_router(front.config, tmp_path) as front.router:
        assert eventually(lambda: told_again(front), seconds=15)


def told_again(front: Front) -> bool:
    front.ask(MATH)
    return front.tokens("math", "on") > 0
