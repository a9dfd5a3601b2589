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
    stack.request(b"", method="GET", path="/v1/files", headers=spoofed)

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
    ("wish", "level", "told"),
    [
        ({"chat_template_kwargs": {"enable_thinking": True}}, "on", {}),
        ({"reasoning_effort": "high"}, "on", {"chat_template_kwargs": {"enable_thinking": True}}),
        ({"temperature": 0, "reasoning_effort": "surprise"}, "unchanged", {}),
    ],
)
def test_a_clients_own_wish_about_reasoning_wins(
    stack: Stack, wish: dict[str, object], level: str, told: dict[str, object]
) -> None:
    answer = stack.chat(LAW, **wish)

    sent = json.loads(chat_body(LAW, **wish)) | told | {"model": "talker"}
    if level == "on":
        sent.pop("reasoning_effort", None)
    assert stack.talker.only().json == sent
    assert answer.headers["x-semrouter-reason"] == "client_override"
    assert answer.headers["x-semrouter-reasoning"] == level


def test_the_header_of_the_client_outranks_its_body(stack: Stack) -> None:
    body = chat_body(LAW, reasoning_effort="high")

    answer = stack.request(body, headers={"x-reasoning": "off"})

    assert stack.talker.only().json["chat_template_kwargs"] == {"enable_thinking": False}
    assert "reasoning_effort" not in stack.talker.only().json
    assert answer.headers["x-semrouter-reason"] == "client_override"


def test_a_header_that_says_nothing_known_is_refused(stack: Stack) -> None:
    answer = stack.request(chat_body(LAW), headers={"x-reasoning": "perhaps"})

    assert answer.status == 400
    assert "x-reasoning must be" in answer.json["error"]["message"]
    assert stack.talker.arrived == []


@pytest.mark.parametrize(
    ("path", "members", "told"),
    [
        ("/v1/responses", {"input": MATH}, {"reasoning": {"effort": "high"}}),
        (
            "/v1/messages",
            {"max_tokens": 4096, "messages": [{"role": "user", "content": MATH}]},
            {"output_config": {"effort": "high"}},
        ),
        ("/v1/completions", {"prompt": MATH}, {}),
    ],
)
def test_every_api_is_rewritten_in_its_own_shape(
    stack: Stack, path: str, members: dict[str, object], told: dict[str, object]
) -> None:
    answer = stack.request(json.dumps({"model": "auto", **members}).encode(), path=path)

    arrived = stack.thinker.only()
    assert arrived.path == path
    assert arrived.json == {"model": "thinker", **members, **told}
    assert answer.headers["x-semrouter-category"] == "math"
    assert answer.headers["x-semrouter-reasoning"] == ("high" if told else "unchanged")


def test_a_refusal_has_the_shape_that_the_clients_of_the_api_read(stack: Stack) -> None:
    answer = stack.request(b"{", path="/v1/messages")

    assert answer.status == 400
    assert answer.json["type"] == "error"
    assert answer.json["error"]["type"] == "invalid_request_error"


def test_the_models_are_listed_and_told_one_by_one(stack: Stack) -> None:
    listed = stack.request(b"", method="GET", path="/v1/models")
    one = stack.request(b"", method="GET", path="/v1/models/auto")
    none = stack.request(b"", method="GET", path="/v1/models/gpt-9")

    assert [model["id"] for model in listed.json["data"]] == ["auto", "MoM", "talker", "thinker"]
    assert listed.headers["content-type"] == "application/json"
    assert one.json["id"] == "auto"
    assert none.status == 404
    assert none.json["error"]["code"] == "model_not_found"
    assert stack.talker.arrived == []


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
    for stage in ("parse", "queue", "encode", "classify", "rewrite", "total"):
        assert stack.router.metric(f'semrouter_stage_seconds_count{{stage="{stage}"}}') > 0
