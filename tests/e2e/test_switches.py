"""Every switch that the table calls run: through Envoy and the router, as real vLLM renders it.

One model per chat template. A question about math goes to a route with reasoning on, one about
law to one with reasoning off; what the model would have seen is compared with what it sees when
the switch is spelt out by hand.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from semrouter_extproc.config import Address
from semrouter_extproc.config.dialects import Backend, built_in_families
from semrouter_extproc.core.apis import APIS
from semrouter_extproc.core.reasoning import Dialect, Reasoning
from semrouter_extproc.core.request import parse as read
from semrouter_extproc.core.rewrite import Changes, rewrite
from support.client import Answer, send
from support.front import running_page
from support.rendering import CHAT, COMPLETIONS, MESSAGES, RESPONSES, Rendered, RenderingUpstream
from support.stack import LAW, MATH

# The first set-up on a machine installs vLLM.
pytestmark = [pytest.mark.vllm, pytest.mark.timeout(1500)]

CHAT_LIKE = (CHAT, RESPONSES, MESSAGES)
NONE_AT_ALL: dict[str, dict[str, Any]] = {
    CHAT: {"reasoning_effort": "none"},
    RESPONSES: {"reasoning": {"effort": "none"}},
    MESSAGES: {"thinking": {"type": "disabled"}},
}


@dataclass(frozen=True)
class Case:
    """A model: the name of its template, its family, and what that can say."""

    name: str
    dialect: Dialect

    @property
    def levels(self) -> Sequence[Reasoning]:
        return list(self.dialect.spellings)


def cases() -> Iterator[Case]:
    for family, known in built_in_families().items():
        row = known.row(Backend.VLLM)
        if row is not None and row.backends[Backend.VLLM] == "run":
            for name in re.findall(r"([\w.-]+)\.jinja", row.source):
                yield Case(name, row.dialect(family, Backend.VLLM))


CASES = list(cases())
EVERY_CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
EVERY_API = pytest.mark.parametrize("path", CHAT_LIKE)


def body(name: str, path: str, question: str, **members: Any) -> bytes:
    turns = [{"role": "user", "content": question}]
    shapes: dict[str, dict[str, Any]] = {
        CHAT: {"messages": turns},
        RESPONSES: {"input": question},
        MESSAGES: {"messages": turns, "max_tokens": 4096},
        COMPLETIONS: {"prompt": question},
    }
    return json.dumps({"model": name, **shapes[path], **members}).encode()


def spelt_out(upstream: RenderingUpstream, case: Case, path: str, level: Reasoning) -> Rendered:
    """Return what the model sees of the question about math when `level` is written by hand."""
    said = case.dialect.spell(level)
    changes = Changes(said.members, user_command=said.user_turn)
    by_hand = rewrite(read(body(case.name, path, MATH), APIS[path]), changes)
    rendered = upstream.render(path, by_hand)
    assert rendered.status == 200, rendered.document
    return rendered


@dataclass(frozen=True)
class Front:
    address: Address
    upstream: RenderingUpstream

    def ask(self, path: str, body: bytes, **headers: str) -> tuple[Rendered, Answer]:
        """Send a request through Envoy; return what the model would have seen of it."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = send(self.address, body, method="POST", path=path, headers=named)
        assert answer.status == 200, answer.body
        return self.upstream.last, answer


@pytest.fixture(scope="module")
def front(
    rendering: RenderingUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    """Put Envoy and a router in front of one model for every template."""
    page = {
        "models": {
            case.name: {"dialect": case.dialect.name, "endpoints": [rendering.address]}
            for case in CASES
        },
        "default": {"model": CASES[0].name, "reasoning": "unchanged"},
        "routes": {"math": {"reasoning": "on"}, "law": {"reasoning": "off"}},
        "clients": {"named_models": "switch", "reasoning_header": True},
    }
    with running_page(page, tmp_path_factory.mktemp("front")) as (config, _):
        yield Front(config.envoy.listen, rendering)


@EVERY_API
@EVERY_CASE
def test_a_route_that_reasons_is_rendered_as_if_on_were_spelt_out(
    front: Front, case: Case, path: str
) -> None:
    seen, answer = front.ask(path, body(case.name, path, MATH))

    level = case.dialect.nearest(Reasoning.ON)
    assert answer.headers["x-semrouter-reasoning"] == level
    assert answer.headers["x-semrouter-category"] == "math"
    assert seen.text == spelt_out(front.upstream, case, path, level).text


@EVERY_API
@EVERY_CASE
def test_off_is_rendered_off(front: Front, case: Case, path: str) -> None:
    seen, answer = front.ask(path, body(case.name, path, LAW))

    on, off = case.dialect.nearest(Reasoning.ON), case.dialect.nearest(Reasoning.OFF)
    assert answer.headers["x-semrouter-reasoning"] == off
    asked_of_law = spelt_out(front.upstream, case, path, off).text.replace(MATH, LAW)
    assert seen.text == asked_of_law
    assert seen.text != spelt_out(front.upstream, case, path, on).text.replace(MATH, LAW)


@EVERY_API
@EVERY_CASE
def test_a_client_that_wants_none_of_it_gets_none_in_the_models_own_words(
    front: Front, case: Case, path: str
) -> None:
    seen, answer = front.ask(path, body(case.name, path, MATH, **NONE_AT_ALL[path]))

    level = case.dialect.nearest(Reasoning.OFF)
    assert answer.headers["x-semrouter-reason"] == "client_override"
    assert answer.headers["x-semrouter-reasoning"] == level
    assert seen.text == spelt_out(front.upstream, case, path, level).text


@EVERY_CASE
def test_every_level_is_told_from_every_other(front: Front, case: Case) -> None:
    seen = {}
    for level in case.levels:
        rendered, answer = front.ask(CHAT, body(case.name, CHAT, MATH), x_reasoning=level.value)
        assert answer.headers["x-semrouter-reasoning"] == level
        seen[rendered.text] = level

    assert list(seen.values()) == case.levels


@EVERY_CASE
def test_a_text_completion_reaches_the_model_as_it_is(front: Front, case: Case) -> None:
    seen, answer = front.ask(COMPLETIONS, body(case.name, COMPLETIONS, MATH))

    assert seen.text == MATH
    assert seen.body == body(case.name, COMPLETIONS, MATH).replace(b": ", b":").replace(b", ", b",")
    assert answer.headers["x-semrouter-reasoning"] == "unchanged"
