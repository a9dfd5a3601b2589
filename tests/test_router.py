import asyncio
import json
from typing import Any

import numpy as np
import pytest
import structlog.testing
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from semrouter_extproc.core.apis import CHAT_COMPLETIONS, COMPLETIONS, MESSAGES, RESPONSES, Api
from semrouter_extproc.core.policy import Decision, Reason
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.errors import Closed, EncodingFailed, Overloaded
from semrouter_extproc.observe.metrics import Metrics
from support import tiny


def body(prompt: str, **members: Any) -> bytes:
    message = {"role": "user", "content": prompt}
    return json.dumps({"model": "auto", "messages": [message], **members}).encode()


def sent(rewritten: bytes | None) -> Any:
    assert rewritten is not None
    return json.loads(rewritten)


async def test_a_prompt_is_classified_decided_and_rewritten() -> None:
    routing = await tiny.router().route(body(tiny.MATH), CHAT_COMPLETIONS)

    assert routing.decision.model == "thinker"
    assert routing.decision.reason is Reason.ROUTED
    assert routing.decision.category == "math"
    assert sent(routing.body)["model"] == "thinker"
    assert sent(routing.body)["reasoning_effort"] == "high"


async def test_an_undecided_prompt_takes_the_default() -> None:
    routing = await tiny.router().route(body(tiny.EITHER), CHAT_COMPLETIONS)

    assert routing.decision.reason is Reason.LOW_MARGIN
    assert sent(routing.body)["model"] == "talker"


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Overloaded("full"), Reason.OVERLOADED),
        (Closed("stopping"), Reason.OVERLOADED),
        (EncodingFailed("NaN"), Reason.ENCODER_ERROR),
    ],
)
async def test_without_a_vector_the_default_is_still_written(
    failure: Exception, reason: Reason
) -> None:
    async def fail(_: str) -> NDArray[np.float32]:
        raise failure

    routing = await tiny.router(fail).route(body(tiny.MATH), CHAT_COMPLETIONS)

    assert routing.decision == Decision("talker", Reasoning.OFF, reason)
    assert sent(routing.body)["model"] == "talker"
    assert sent(routing.body)["chat_template_kwargs"] == {"enable_thinking": False}


async def test_past_the_deadline_the_default_is_written_and_the_wait_is_over() -> None:
    given_up = asyncio.Event()

    async def never(_: str) -> NDArray[np.float32]:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()
        raise AssertionError

    routing = await tiny.router(never, deadline=0.02).route(body(tiny.MATH), CHAT_COMPLETIONS)

    assert routing.decision.reason is Reason.DEADLINE
    assert sent(routing.body)["model"] == "talker"
    assert given_up.is_set()


async def test_an_error_of_our_own_costs_the_decision_and_not_the_request() -> None:
    async def broken(_: str) -> NDArray[np.float32]:
        raise ZeroDivisionError

    routing = await tiny.router(broken).route(body(tiny.MATH), CHAT_COMPLETIONS)

    assert routing.decision.reason is Reason.INTERNAL_ERROR
    assert routing.body is None
    assert routing.refusal is None


async def test_no_error_carries_a_prompt_into_the_log() -> None:
    async def broken(prompt: str) -> NDArray[np.float32]:
        raise ValueError(prompt)

    with structlog.testing.capture_logs() as lines:
        await tiny.router(broken).route(body("my secret"), CHAT_COMPLETIONS)

    assert [line["event"] for line in lines] == ["routing failed"]
    assert "in broken" in lines[0]["where"]
    assert "my secret" not in repr(lines)


async def test_a_cancelled_request_is_cancelled_to_the_bottom() -> None:
    waiting, gone = asyncio.Event(), asyncio.Event()

    async def wait(_: str) -> NDArray[np.float32]:
        waiting.set()
        try:
            return await asyncio.Future()
        finally:
            gone.set()

    task = asyncio.create_task(tiny.router(wait).route(body(tiny.MATH), CHAT_COMPLETIONS))
    await waiting.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone.is_set()


async def test_a_pinned_model_is_never_encoded() -> None:
    async def untouchable(_: str) -> NDArray[np.float32]:
        raise AssertionError

    router = tiny.router(untouchable)

    for model, known in (("thinker", "thinker"), ("gpt-9", None)):
        routing = await router.route(body(tiny.MATH, model=model), CHAT_COMPLETIONS)
        assert routing.decision == Decision(known, Reasoning.UNCHANGED, Reason.PINNED_MODEL)
        assert routing.body is None


async def test_a_conversation_without_text_is_never_encoded() -> None:
    routing = await tiny.router().route(b'{"model": "auto", "messages": []}', CHAT_COMPLETIONS)

    assert routing.decision.reason is Reason.NO_PROMPT
    assert sent(routing.body)["model"] == "talker"


async def test_a_reasoning_command_in_the_prompt_is_the_clients_decision() -> None:
    async def submit(_: str) -> NDArray[np.float32]:
        return np.array([1, 0], np.float32)

    routing = await tiny.router(submit).route(body("/no_think prove it"), CHAT_COMPLETIONS)

    assert routing.decision.reason is Reason.CLIENT_OVERRIDE
    assert routing.decision.model == "thinker"
    # This family cannot be off.
    assert sent(routing.body)["reasoning_effort"] == "low"


async def test_what_cannot_be_read_is_refused() -> None:
    routing = await tiny.router().route(b"{", CHAT_COMPLETIONS)

    assert routing.refusal is not None
    assert routing.decision.reason is Reason.UNPARSABLE


DEEP = b"[" * 900 + b"]" * 900


@pytest.mark.parametrize(
    ("api", "body"),
    [
        (RESPONSES, b'{"model": "auto", "input": "hi", "instructions": "\\ud800"}'),
        (MESSAGES, b'{"model": "auto", "system": "\\ud800", "messages": []}'),
        (CHAT_COMPLETIONS, b'{"messages": [{"role": "user", "content": [{"type": ["a"]}]}]}'),
        (CHAT_COMPLETIONS, b'{"messages": [], "reasoning_effort": %s}' % DEEP),
        (CHAT_COMPLETIONS, b'{"messages": [], "response_format": %s}' % DEEP),
        (COMPLETIONS, b'{"prompt": [[1.0], [2]]}'),
        (COMPLETIONS, b'{"prompt": [true]}'),
    ],
)
async def test_strange_values_are_routed_all_the_same(api: Api, body: bytes) -> None:
    async def submit(_: str) -> NDArray[np.float32]:
        return np.array([1, 0], np.float32)

    routing = await tiny.router(submit).route(body, api)

    assert routing.refusal is None
    assert routing.decision.reason is not Reason.INTERNAL_ERROR
    assert sent(routing.body)["model"] in {"talker", "thinker"}


async def test_a_large_body_holds_up_no_other_request() -> None:
    async def submit(_: str) -> NDArray[np.float32]:
        return np.array([1, 0], np.float32)

    many = b'{"role": "user", "content": ""},' * 100_000
    large = b'{"messages": [%s {"role": "user", "content": "prove it"}]}' % many
    router = tiny.router(submit)
    routing = asyncio.create_task(router.route(large, CHAT_COMPLETIONS))
    await asyncio.sleep(0)

    small = await router.route(body(tiny.MATH), CHAT_COMPLETIONS)

    assert small.decision.reason is Reason.ROUTED
    assert not routing.done()
    assert (await routing).decision.reason is Reason.ROUTED


MEMBERS = st.sampled_from(["model", "messages", "chat_template_kwargs", "stream", "\ud800", "x"])
TEXTS = st.sampled_from(["auto", "thinker", tiny.MATH, "/no_think", "\ud800", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(MEMBERS, inner, max_size=3)
        | st.lists(
            st.fixed_dictionaries(
                {"role": st.sampled_from(["user", "system", "tool"]), "content": inner}
            ),
            max_size=3,
        )
    ),
    max_leaves=12,
)


async def known(prompt: str) -> NDArray[np.float32]:
    return np.array(tiny.VECTORS.get(prompt, (0.6, 0.8)), np.float32)


@given(
    st.binary(max_size=300)
    | st.dictionaries(MEMBERS, VALUES).map(lambda it: json.dumps(it).encode())
)
def test_no_body_makes_the_router_raise(anything: bytes) -> None:
    routing = asyncio.run(tiny.router(known).route(anything, CHAT_COMPLETIONS))

    assert routing.decision.reason is not Reason.INTERNAL_ERROR
    if routing.body is not None:
        assert json.loads(routing.body)["model"] in {"thinker", "talker"}


async def test_a_request_that_names_no_model_is_decided() -> None:
    messages = [{"role": "user", "content": tiny.MATH}]

    routing = await tiny.router().route(
        json.dumps({"messages": messages}).encode(), CHAT_COMPLETIONS
    )

    assert sent(routing.body)["model"] == "thinker"


async def test_a_reasoning_command_after_a_long_text_still_counts() -> None:
    routing = await tiny.router(known).route(body("x" * 5000 + " /no_think"), CHAT_COMPLETIONS)

    assert routing.decision.reason is Reason.CLIENT_OVERRIDE


async def test_template_arguments_that_only_a_lenient_parser_reads_are_kept() -> None:
    request = body(tiny.LAW, chat_template_kwargs={"depth": float("nan")})

    routing = await tiny.router().route(request, CHAT_COMPLETIONS)

    assert b'{"depth":NaN,"enable_thinking":false}' in (routing.body or b"")


async def test_every_request_is_counted_once_under_its_reason() -> None:
    registry = CollectorRegistry()
    router = tiny.router(metrics=Metrics(registry))

    await router.route(body(tiny.MATH), CHAT_COMPLETIONS)
    await router.route(body(tiny.LAW), CHAT_COMPLETIONS)
    await router.route(b"{", CHAT_COMPLETIONS)
    router.skip(Reason.PASS_THROUGH)

    def count(**labels: str) -> float | None:
        return registry.get_sample_value("semrouter_requests_total", labels)

    assert count(reason="routed", category="math", model="thinker", reasoning="high") == 1
    assert count(reason="routed", category="law", model="talker", reasoning="off") == 1
    assert count(reason="unparsable", category="", model="", reasoning="unchanged") == 1
    assert count(reason="pass_through", category="", model="", reasoning="unchanged") == 1
