"""A request through the real Envoy: what arrived at the model, and what the client was told."""

import json

import pytest

from support.stack import LAW, MATH, Stack, chat_body


def test_a_math_prompt_reaches_the_reasoning_model_with_its_effort(stack: Stack) -> None:
    answer = stack.chat(MATH, temperature=0.50, user="someone")

    arrived = stack.thinker.only()
    assert answer.json == {"served_by": "thinker"}
    assert stack.talker.arrived == []
    assert arrived.body == (
        b'{"model":"thinker","messages":[{"role": "user", "content": "%s"}],'
        b'"temperature":0.5,"user":"someone","reasoning_effort":"high"}' % MATH.encode()
    )
    assert arrived.headers["content-length"] == str(len(arrived.body))


def test_a_law_prompt_reaches_the_plain_model_with_reasoning_off(stack: Stack) -> None:
    answer = stack.chat(LAW)

    arrived = stack.talker.only()
    assert answer.json == {"served_by": "talker"}
    assert stack.thinker.arrived == []
    assert arrived.json["model"] == "talker"
    assert arrived.json["chat_template_kwargs"] == {"enable_thinking": False}
    assert arrived.headers["content-length"] == str(len(arrived.body))


def test_upstream_and_client_are_told_the_decision(stack: Stack) -> None:
    answer = stack.chat(MATH)

    expected = {
        "x-semrouter-model": "thinker",
        "x-semrouter-category": "math",
        "x-semrouter-reasoning": "high",
        "x-semrouter-reason": "routed",
    }
    for headers in (answer.headers, stack.thinker.only().headers):
        assert expected.items() <= headers.items()
        assert 0.2 < float(headers["x-semrouter-confidence"]) <= 1


def test_spoofed_headers_are_gone_whatever_the_router_decides(stack: Stack) -> None:
    spoofed = {
        "x-semrouter-model": "thinker",
        "X-Semrouter-Category": "law",
        "x-semrouter-reason": "trust me",
        "x-semrouter-anything": "else",
    }

    stack.request(chat_body(LAW), headers=spoofed)
    stack.request(b"{}", path="/v1/embeddings", headers=spoofed)
    stack.request(b"", method="GET", path="/v1/models", headers=spoofed)

    assert stack.thinker.arrived == []
    routed, *passed = stack.talker.arrived
    assert routed.headers["x-semrouter-model"] == "talker"
    assert "x-semrouter-anything" not in routed.headers
    for request in passed:
        assert not [name for name in request.headers if name.startswith("x-semrouter-")]


def test_a_pinned_model_keeps_its_bytes_and_takes_its_own_route(stack: Stack) -> None:
    body = b'{ "model" : "thinker",  "messages": [{"role": "user", "content": "Hi"}] }'

    answer = stack.request(body)

    assert stack.thinker.only().body == body
    assert answer.headers["x-semrouter-reason"] == "pinned_model"
    assert answer.headers["x-semrouter-reasoning"] == "unchanged"


def test_an_unknown_model_goes_to_the_default_route_as_it_is(stack: Stack) -> None:
    body = chat_body("Hi", model="gpt-9")

    stack.request(body)

    assert stack.talker.only().body == body


@pytest.mark.parametrize(
    "wish",
    [
        {"reasoning_effort": "low"},
        {"chat_template_kwargs": {"enable_thinking": True}},
        {"thinking": {"type": "disabled"}},
    ],
)
def test_a_clients_own_wish_about_reasoning_is_left_alone(
    stack: Stack, wish: dict[str, object]
) -> None:
    answer = stack.chat(LAW, **wish)

    sent = json.loads(chat_body(LAW, **wish))
    assert stack.talker.only().json == sent | {"model": "talker"}
    assert answer.headers["x-semrouter-reason"] == "client_override"
    assert answer.headers["x-semrouter-reasoning"] == "unchanged"


def test_a_prompt_between_the_categories_takes_the_default_route(stack: Stack) -> None:
    answer = stack.chat("hello")

    assert stack.talker.only().json["model"] == "talker"
    assert answer.headers["x-semrouter-reason"] in {"low_margin", "routed"}


def test_a_conversation_without_text_takes_the_default_route(stack: Stack) -> None:
    answer = stack.request(json.dumps({"model": "auto", "messages": []}).encode())

    assert stack.talker.only().json["model"] == "talker"
    assert answer.headers["x-semrouter-reason"] == "no_prompt"


def test_an_answer_streams_through_unharmed(stack: Stack) -> None:
    answer = stack.chat(MATH, stream=True)

    events = answer.body.split(b"\n\n")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert len(events) == 52
    assert events[-2] == b"data: [DONE]"


def test_every_decision_is_counted(stack: Stack) -> None:
    sample = (
        'semrouter_requests_total{category="math",model="thinker",reason="routed",reasoning="high"}'
    )
    before = stack.router.metric(sample)

    stack.chat(MATH)

    assert stack.router.metric(sample) == before + 1
    for stage in ("parse", "queue", "encode", "decide", "rewrite", "total"):
        assert stack.router.metric(f'semrouter_stage_seconds_count{{stage="{stage}"}}') > 0
